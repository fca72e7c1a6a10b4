"""Write delivered text anew where DuckDB cannot read it as it is.

So it is with another encoding, mixed line ends and lines before the header. The copy is UTF-8, has one kind of line
end and begins with the header; nothing within a field is changed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse.intake.encodings import is_utf8
from warehouse.intake.records import records, span
from warehouse.intake.whole_files import WholeFile
from warehouse.settings import settings

_MARK = "\ufeff".encode()


@contextmanager
def as_duckdb_reads(file: WholeFile, *, start: int = 0, delimiter: str | None = None) -> Iterator[WholeFile]:
    """Yield the file itself, or a copy in the folder of spilled data that is removed after the block.

    Args:
        file: a text file that was checked to be whole.
        start: bytes of its text, as UTF-8, before the header.
        delimiter: character between the fields of a CSV file; None for NDJSON.
    """
    if file.lines_alike and not start and is_utf8(file.mapping.encoding):
        yield file
        return
    folder = settings().spill_dir
    folder.mkdir(parents=True, exist_ok=True)
    _remove_what_the_dead_left(folder)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=f"intake-{os.getpid()}-") as copy:
        mark = _MARK
        for record in records(span(file.text.pieces(), start), delimiter=delimiter):
            copy.write(record.removeprefix(mark) + b"\n")
            mark = b""
        copy.flush()
        yield file.model_copy(update={"full": Path(copy.name), "gzipped": False})


def _remove_what_the_dead_left(folder: Path) -> None:
    for copy in folder.glob("intake-*-*"):
        try:
            os.kill(int(copy.name.split("-")[1]), 0)
        except ProcessLookupError:
            copy.unlink(missing_ok=True)
        except PermissionError:  # it lives, as another user's
            continue
