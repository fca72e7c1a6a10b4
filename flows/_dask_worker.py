"""Imports on a Dask worker that waits for its first part what parts need: dask worker --preload flows._dask_worker."""

from __future__ import annotations

import importlib
from threading import Thread

PARTS = ("tasks.features", "tasks.score_part", "tasks.compare_part")
# what models import only where they need it
MODELS = ("models.wide_deep.network", "safetensors.torch", "skops.io")


def dask_setup(_worker: object) -> None:
    """Begin to import beside the worker's own start, as Dask calls it; a part that comes earlier waits for the rest."""
    Thread(target=lambda: [importlib.import_module(name) for name in (*PARTS, *MODELS)], daemon=True).start()
