"""Writes found records as CSV or JSON Lines, row by row; for Parquet see `export_parquet`.

Exact numbers are text with every digit, times are ISO-8601 in UTC. What bots and people wrote may
begin so that a spreadsheet takes it for a formula and runs it: in CSV such text gets an apostrophe
before it, which spreadsheets do not show.
"""

import csv
import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import IO, Protocol

import orjson

from petrosa_cio.audit.chain import written_instant
from petrosa_cio.audit.export_columns import Column, Form

LIST_SEPARATOR = "; "
"""Stands between the texts of a list, in CSV."""

_FORMULA = re.compile(r"\s*[=+\-@\t\r\n|%\uff0b\uff0d\uff1d\uff20]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


class ExportFormat(StrEnum):
    """How an export is written."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


class RowWriter(Protocol):
    """Takes rows, one after the other, as `petrosa_cio.audit.export_columns.row_of` makes them."""

    def write(self, row: Sequence[object]) -> None:
        """Write one row."""

    def close(self) -> None:
        """Write what is still held, also where the work was broken off. The file stays open."""


class CsvWriter:
    """Writes CSV as RFC 4180 has it, in UTF-8, with a line of names at the head."""

    def __init__(self, file: IO[bytes], columns: Sequence[Column]) -> None:
        """Take where to write, and what."""
        self._file = file
        self._rows = csv.writer(_Encoded(file))
        self._forms = [one.form for one in columns]
        self._rows.writerow(one.name for one in columns)

    def write(self, row: Sequence[object]) -> None:
        """Write one row."""
        self._rows.writerow(map(_cell, row, self._forms))

    def close(self) -> None:
        """Hand over all that was written."""
        self._file.flush()


class _Encoded:
    """Takes text for a file of bytes, and never closes it, as the wrapper of the library would."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode("utf-8"))


class JsonLinesWriter:
    """Writes a JSON object a line, in UTF-8."""

    def __init__(self, file: IO[bytes], columns: Sequence[Column]) -> None:
        """Take where to write, and what."""
        self._file = file
        self._names = [one.name for one in columns]

    def write(self, row: Sequence[object]) -> None:
        """Write one row."""
        plain = (written_instant(one) if isinstance(one, datetime) else one for one in row)
        self._file.write(orjson.dumps(dict(zip(self._names, plain, strict=True))) + b"\n")

    def close(self) -> None:
        """Hand over all that was written."""
        self._file.flush()


def _cell(value: object, form: Form) -> object:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return written_instant(value)
    text = LIST_SEPARATOR.join(value) if isinstance(value, list) else str(value)
    is_number = form in (Form.DECIMAL, Form.INTEGER) and _NUMBER.fullmatch(text)
    return text if is_number else harmless(text)


def harmless(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text
