"""Gates: the only room that knows Great Expectations; suites are JSON files, verdicts are small records."""
