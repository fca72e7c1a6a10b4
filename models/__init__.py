"""The algorithms, pure: they import no orchestrator and no database, and read no clock and no environment."""
