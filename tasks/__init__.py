"""Prefect tasks: thin verbs over one algorithm or one warehouse call, passing keys and small records only."""
