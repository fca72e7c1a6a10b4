"""Store named arrays as one .npz file whose bytes depend on the arrays only."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt


def pack(members: Mapping[str, bytes]) -> bytes:
    """Return a zip whose bytes depend on its members only, not on the time of day."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def dump_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Return the arrays as a packed .npz file, without objects, so that nothing needs unpickling."""
    packed = {}
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        packed[f"{name}.npy"] = buffer.getvalue()
    return pack(packed)


def load_arrays(content: bytes) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a packed .npz file."""
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}
