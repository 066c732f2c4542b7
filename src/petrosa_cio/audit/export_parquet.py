"""Writes found records as Parquet. What it needs comes with the extra ``parquet``.

Exact numbers are text here too: a column of decimals has a fixed number of digits, and what a bot
sends may have more. Times are timestamps in milliseconds, UTC.
"""

from collections.abc import Sequence
from typing import IO

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from petrosa_cio.audit.export_columns import Column, Form

ROWS_OF_A_GROUP = 5_000
"""Rows that are held until they are written: what one reads of the file at a time, too."""

_TYPES = {
    Form.INTEGER: pa.int64(),
    Form.TEXT: pa.string(),
    Form.DECIMAL: pa.string(),
    Form.TIME: pa.timestamp("ms", tz="UTC"),
    Form.TEXTS: pa.list_(pa.string()),
}


class ParquetWriter:
    """Writes a Parquet file, a group of rows at a time."""

    def __init__(self, file: IO[bytes], columns: Sequence[Column]) -> None:
        """Take where to write, and what."""
        self._schema = pa.schema([(one.name, _TYPES[one.form]) for one in columns])
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")
        self._rows: list[Sequence[object]] = []

    def write(self, row: Sequence[object]) -> None:
        """Write one row."""
        self._rows.append(row)
        if len(self._rows) == ROWS_OF_A_GROUP:
            self._write_group()

    def close(self) -> None:
        """Write what is still held, and the end of the file."""
        self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        if not self._rows:
            return
        by_column = zip(*self._rows, strict=True)
        arrays = [
            pa.array(list(values), field.type)
            for values, field in zip(by_column, self._schema, strict=True)
        ]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._rows.clear()
