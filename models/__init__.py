"""Score borrowers with pure algorithms: they use no orchestrator, database, clock or environment variable."""
