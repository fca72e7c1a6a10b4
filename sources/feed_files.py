"""Write a feed file piece by piece; it appears in its folder only when it is complete."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import IO, cast

import polars as pl
import pyarrow.parquet as pq

from sources.feed_columns import FEED_COLUMNS

# Level 1 takes a quarter of the time of the default level; the files are read once and then only kept.
_GZIP_LEVEL = 1


class FeedFile:
    """One feed file under construction.

    Nothing is created before the first row, so a feed without rows leaves no empty file. The file is built
    under `workshop`; `publish` moves it into `landing/<feed>/`.
    """

    def __init__(self, feed: str, *, landing: Path, workshop: Path, stem: str, suffix: str) -> None:
        """Prepare a file; `suffix` is one of .parquet, .csv, .csv.gz, .ndjson.gz."""
        self.feed = feed
        self.rows = 0
        self.path = f"{feed}/{stem}{suffix}"
        self._suffix = suffix
        self._target = landing / self.path
        self._draft = workshop / f"{feed}-{stem}{suffix}"
        self._raw: IO[bytes] | None = None
        self._text: IO[bytes] | None = None
        self._parquet: pq.ParquetWriter | None = None

    def write(self, rows: pl.DataFrame) -> None:
        """Append rows; for NDJSON the frame has one column, `line`, with the finished text of each row."""
        if rows.is_empty():
            return
        if self._suffix == ".parquet":
            self._write_parquet(rows.select(FEED_COLUMNS[self.feed]))
        elif self._suffix == ".ndjson.gz":
            rows.select("line").write_csv(self._open_text(), include_header=False, quote_style="never")
        else:
            rows.select(FEED_COLUMNS[self.feed]).write_csv(
                self._open_text(),
                include_header=self.rows == 0,
                datetime_format="%Y-%m-%d %H:%M:%S",
            )
        self.rows += rows.height

    def publish(self) -> bool:
        """Close the file and move it into place; return False if no row was written."""
        if self.rows == 0:
            return False
        for handle in (self._parquet, self._text, self._raw):
            if handle is not None:
                handle.close()
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._draft.replace(self._target)
        return True

    def _write_parquet(self, rows: pl.DataFrame) -> None:
        table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
        if self._parquet is None:
            self._draft.parent.mkdir(parents=True, exist_ok=True)
            self._parquet = pq.ParquetWriter(self._draft, table.schema, compression="zstd")
        self._parquet.write_table(table)

    def _open_text(self) -> IO[bytes]:
        if self._text is not None:
            return self._text
        self._draft.parent.mkdir(parents=True, exist_ok=True)
        self._raw = self._draft.open("wb")
        self._text = self._raw
        if self._suffix.endswith(".gz"):
            # No file name and no time in the header: the same rows give the same bytes.
            zipped = gzip.GzipFile(
                filename="", mode="wb", compresslevel=_GZIP_LEVEL, fileobj=self._raw, mtime=0
            )
            self._text = cast("IO[bytes]", zipped)
        return self._text
