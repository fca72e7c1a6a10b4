"""Adopt the files that the parts of a step have written, one part after the other, in the transaction of the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from warehouse import sql
from warehouse.errors import Refused
from warehouse.partition import clear_partition, fit, order_of, outside
from warehouse.sql import quoted


class Adoption:
    """Replaces the partition of several relations by the rows of parts.

    Args:
        con: a writer's cursor inside the transaction that audits the rows afterwards.
        relations: such as `features.feat_transactions`; their rows of the partition are removed at once.
        params: at least the partition.
    """

    def __init__(
        self, con: duckdb.DuckDBPyConnection, relations: Sequence[str], params: Mapping[str, Any]
    ) -> None:
        self._con = con
        self._params = params
        self.rows = dict.fromkeys(relations, 0)
        """The rows adopted so far, by relation."""
        for relation in relations:
            clear_partition(con, relation, params)

    def add(self, files: Mapping[str, Path]) -> None:
        """Adopt a part: for each relation a file that its select has written, in the order of its key.

        The parts come in the order of their keys, so that the rows of the partition lie in it.

        Raises:
            Refused: when head and select disagree, when a column vanished or changed its type, or when a file holds
                rows of another partition.
        """
        for relation in self.rows:
            file = sql.load(relation)
            source = f"read_parquet({quoted(files[relation])}, hive_partitioning = false)"
            keys = sql.bind(set(file.partition), self._params, where=relation)
            if not self.rows[relation]:
                columns = self._con.execute(f"describe select * from {source}").fetchall()
                fit(self._con, file, {name: kind for name, kind, *_ in columns})
            inside = " and ".join(f"{name} = ${name}" for name in file.partition)
            (others,) = self._con.execute(
                f"select count(*) filter (({inside}) is not true) from {source}", keys
            ).fetchone() or (0,)
            (rows,) = self._con.execute(
                f"insert into wh.{relation} by name select * from {source} order by {order_of(file)}"
            ).fetchone() or (0,)
            if others:
                raise Refused(outside(file, keys, others, of=rows))
            self.rows[relation] += rows
