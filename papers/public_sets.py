"""Public credit data sets, each a frame of features with its labels; a new one is a line at the end and its reader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from warehouse.errors import Refused

__all__ = ["PUBLIC_SETS", "SBA_NATIONAL_RATE", "PublicSet", "load"]

# Taiwan, X1 to X23 in the order of the UCI page
_TAIWAN = (
    "limit_balance", "sex", "education", "marriage", "age",
    *(f"payment_state_{month}" for month in range(1, 7)),
    *(f"bill_{month}" for month in range(1, 7)),
    *(f"payment_{month}" for month in range(1, 7)),
)  # fmt: skip
_TAIWAN_CATEGORIES = ("sex", "education", "marriage")
_AUSTRALIAN_CATEGORIES = ("A1", "A4", "A5", "A6", "A8", "A9", "A11", "A12")
# known for every row of the partial file; whether the others are there depends on the class
_KNOWN_OF_POLISH_2 = sorted(
    set(range(1, 65)) - {5, 21, 24, 27, 28, 32, 37, 41, 45, 47, 52, 53, 54, 60, 61, 64}
)
# Share of charge-offs in the whole public file of 899,164 loans, of which half of the draw's are. The part that is here
# in the order of loan numbers has 21% (4,693 of 22,427), three quarters of it approved in 1997, 2004 and 2005.
SBA_NATIONAL_RATE = 0.175


class PublicSet(NamedTuple):
    """Rows of one data set, in the order of its file.

    Attributes
    ----------
    name : str
        As pages show it; "partial" where only a part of the set is here.
    frame : polars.DataFrame of shape (n_samples, n_features)
        Categories are text, gaps are null.
    labels : ndarray of shape (n_samples,)
        1 for default or bankruptcy, else 0.
    """

    name: str
    frame: pl.DataFrame
    labels: npt.NDArray[np.int64]


def _polish(file: Path) -> tuple[pl.DataFrame, pl.Series]:
    rows = pl.read_parquet(file)
    numbers = _KNOWN_OF_POLISH_2 if "attrs_known" in rows.columns else range(1, 65)
    return rows.select(f"Attr{number}" for number in numbers), rows["class"]


def _taiwan(file: Path) -> tuple[pl.DataFrame, pl.Series]:
    rows = pl.read_parquet(file)
    renamed = rows.select(pl.col(f"X{number}").alias(name) for number, name in enumerate(_TAIWAN, start=1))
    return renamed.with_columns(pl.col(_TAIWAN_CATEGORIES).cast(pl.String)), rows["Y"]


def _australian(file: Path) -> tuple[pl.DataFrame, pl.Series]:
    names = [f"A{number}" for number in range(1, 15)]
    rows = pl.read_csv(file, separator=" ", has_header=False, new_columns=[*names, "positive"])
    return rows.select(names).with_columns(pl.col(_AUSTRALIAN_CATEGORIES).cast(pl.String)), rows["positive"]


def _sba(file: Path) -> tuple[pl.DataFrame, pl.Series]:
    """Read what was known when a loan was approved, and its term; charge-off, balance and dates stay out.

    The amount disbursed stays out too: on a line of credit it grows with use. Names and postcodes of borrowers were
    removed from the file, so that nobody can tell whether two loans have the same borrower.
    """
    rows = pl.read_parquet(file)
    code = pl.col("franchise_code")
    frame = rows.select(
        "state",
        "bank_state",
        pl.col("naics")
        .cast(pl.Int64)
        .cast(pl.String)
        .str.zfill(6)
        .str.slice(0, 2)
        .replace("00", None)
        .alias("sector"),
        pl.when(code > 1).then(pl.lit("yes")).otherwise(pl.lit("no")).alias("franchise"),
        pl.col("rev_line_cr").cast(pl.String).alias("revolving"),
        pl.col("low_doc").cast(pl.String),
        _words("urban_rural", {1: "urban", 2: "rural"}),
        _words("new_exist", {1: "existing", 2: "new"}).alias("business"),
        pl.col("gr_appv").alias("approved"),
        (pl.col("sba_appv") / pl.col("gr_appv")).alias("guaranteed_share"),
        pl.col("no_emp").alias("employee_count"),
        pl.col("create_job").alias("jobs_created_count"),
        pl.col("retained_job").alias("jobs_retained_count"),
        "term",
    )
    return frame, rows["mis_status"].cast(pl.String) == "CHGOFF"


def _words(column: str, words: dict[int, str]) -> pl.Expr:
    """Return a coded column as words; every other code means undefined and is null."""
    return pl.col(column).cast(pl.Int64).replace_strict(words, default=None, return_dtype=pl.String)


class _Declared(NamedTuple):
    """Where a set lies, how its file is read, and how many rows and positives it has."""

    path: str
    read: Callable[[Path], tuple[pl.DataFrame, pl.Series]]
    name: str
    rows: int
    positives: int


_DECLARED = {
    "Polish 1": _Declared("polish_bankruptcy/1year.parquet", _polish, "Polish 1", 7027, 271),
    "Polish 2": _Declared(
        "polish_bankruptcy/2year_partial.parquet", _polish, "Polish 2 (partial)", 10107, 400
    ),
    "Polish 3": _Declared("polish_bankruptcy/3year.parquet", _polish, "Polish 3", 10503, 495),
    "Australian": _Declared("australian/australian.dat", _australian, "Australian", 690, 307),
    "Taiwan": _Declared("taiwan_default/UCI_Credit_Card.parquet", _taiwan, "Taiwan", 30000, 6636),
    "sba": _Declared("sba/sba_balanced30000.parquet", _sba, "sba", 30000, 15000),
}
PUBLIC_SETS = tuple(_DECLARED)


def load(data_dir: Path | None, name: str) -> PublicSet:
    """Read one data set and refuse it unless it is the declared one.

    Parameters
    ----------
    data_dir : Path or None
        Folder of public data sets (NIGHTLEDGER_DATA_DIR).
    name : str
        One of `PUBLIC_SETS`.

    Raises
    ------
    Refused
        The set is unknown, its file is missing, or rows and positives are not as declared.
    """
    if name not in _DECLARED:
        raise Refused(f"no public data set is called {name!r}; there are {', '.join(PUBLIC_SETS)}")
    declared = _DECLARED[name]
    if data_dir is None:
        raise Refused(
            f"{name} needs the folder of public data sets; set NIGHTLEDGER_DATA_DIR to the folder that "
            f"holds {declared.path}"
        )
    file = data_dir / declared.path
    if not file.is_file():
        raise Refused(f"{name}: {file} is missing; NIGHTLEDGER_DATA_DIR points to {data_dir}")
    frame, classes = declared.read(file)
    labels = classes.cast(pl.Int64).to_numpy()
    rows, positives = frame.height, int(labels.sum())
    if (rows, positives) != (declared.rows, declared.positives):
        raise Refused(
            f"{file} holds {rows:,} rows with {positives:,} positives, expected {declared.rows:,} with "
            f"{declared.positives:,}; restore the file"
        )
    return PublicSet(declared.name, frame, labels)
