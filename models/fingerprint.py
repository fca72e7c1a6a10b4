"""Hash training rows: two hashes are equal exactly if features, labels and their order are equal."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import polars as pl

from models.metrics import Labels
from models.schema import Schema, schema_hash


def fingerprint(frame: pl.DataFrame, labels: Labels, *, schema: Schema, keys: Sequence[str] = ()) -> str:
    """Return the SHA-256 over schema, key columns, values and labels.

    Examples
    --------
    >>> import numpy as np
    >>> from models.schema import schema_of
    >>> frame = pl.DataFrame({"gap": [1.0, None]})
    >>> fingerprint(frame, np.array([0, 1]), schema=schema_of(frame))[:12]
    '9afe709679bd'
    """
    digest = hashlib.sha256(schema_hash(schema).encode())
    for name in keys:
        digest.update("\x1f".join(frame[name].cast(pl.String).fill_null("\x00").to_list()).encode())
    for column in schema:
        values = frame[column.name]
        if column.kind == "number":
            numbers = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
            digest.update(np.where(np.isnan(numbers), np.nan, numbers).astype("<f8").tobytes())
        else:
            digest.update("\x1f".join(values.cast(pl.String).fill_null("\x00").to_list()).encode())
    digest.update(np.asarray(labels, dtype="<i8").tobytes())
    return digest.hexdigest()
