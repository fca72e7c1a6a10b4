"""Compiled code is kept where there is a folder for it, and works where there is none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numba.core import caching

from models.compiled import compiled
from models.explaining import leaf_sums

FEATURE = np.array([3, 5, 3])


def distinct() -> Callable[..., int]:
    """The same Python function, compiled anew."""
    return compiled(leaf_sums._distinct.py_func)


def read_only(self: caching.InTreeCacheLocator) -> None:
    raise OSError(30, "Read-only file system")


def test_beside_a_read_only_module_the_code_is_kept_in_the_cache_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setattr(caching.InTreeCacheLocator, "ensure_cache_path", read_only)
    monkeypatch.setattr(caching.config, "CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = distinct()
    assert first(FEATURE, np.arange(3)) == 2
    assert list(tmp_path.rglob("*._distinct-*.nbc"))
    again = distinct()
    assert again(FEATURE, np.arange(3)) == 2
    assert (sum(first.stats.cache_hits.values()), sum(again.stats.cache_hits.values())) == (0, 1)


def test_without_any_folder_the_code_is_compiled_and_a_line_says_what_to_do(monkeypatch):
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    with pytest.warns(UserWarning, match="set NUMBA_CACHE_DIR to a folder that may be written to"):
        function = distinct()
    assert function(FEATURE, np.arange(3)) == 2
