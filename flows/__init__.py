"""Flows: one file is one flow is one deployment; each takes one pydantic record named run."""
