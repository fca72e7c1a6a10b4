"""Prefect tasks: thin verbs over one algorithm or one warehouse call, passing keys and small records only."""

import logging

# Prefect ships an extra logger's lines to the run's page, but gives it no level; without one it keeps WARNING
logging.getLogger("nightledger").setLevel(logging.INFO)
