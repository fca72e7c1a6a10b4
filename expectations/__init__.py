"""Gates: judge feeds, features and scores by the suites of JSON files; only this room knows Great Expectations."""
