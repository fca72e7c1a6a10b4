"""The warehouse: the only room that opens DuckDB; connections, ledgers, partitions, models, publishing."""
