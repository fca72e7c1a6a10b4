"""Flows: one file is one flow is one deployment; each takes one pydantic record named run."""

import os

from warehouse.home import PRIVATE

os.umask(PRIVATE)  # in a worker's process too, whatever a flow writes is for its own user alone
