"""Prefect is imported first, so that a command line called by a test leaves the choice of the server to the test."""

import prefect  # noqa: F401
