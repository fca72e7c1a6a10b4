"""Compile functions outside Python's lock, and keep the code wherever there is a folder for it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function when it is first called, and keep the code for later processes.

    numba keeps it in the folder of the variable NUMBA_CACHE_DIR, else in ``__pycache__`` beside its module, else in
    the user's cache folder. Where none of them can be written to, it refuses; then every process compiles anew.
    """
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:
        warnings.warn(
            "numba can keep compiled code nowhere, so that every process compiles it anew: set NUMBA_CACHE_DIR to a "
            "folder that may be written to",
            stacklevel=1,  # one place, so that it is said once and not for every function
        )
        return numba.njit(nogil=True)(function)
