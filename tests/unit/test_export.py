"""How records are written for others."""

import csv
import io
from base64 import b64encode
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from petrosa_cio.audit.export import CsvWriter, JsonLinesWriter, harmless
from petrosa_cio.audit.export_columns import COLUMNS, RECORD, Form, row_of
from petrosa_cio.audit.export_parquet import ParquetWriter
from petrosa_cio.audit.found_record import event_of
from petrosa_cio.audit.record import Change, change_record
from petrosa_cio.errors import RecordUnreadable
from petrosa_cio.ports import RecordQuery, StoredRecord
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.verdict import VerdictKind
from tests.fakes import FakeSearch
from tests.gates import House
from tests.loading import ROOT
from tests.records import INTENT, NOON, keep, later_line, verdict_line

NAMES = [one.name for one in COLUMNS]


async def stored(*lines: bytes) -> list[StoredRecord]:
    record = FakeSearch()
    await keep(record, *lines, at=NOON)
    return [one async for one in record.walk(RecordQuery(), last=len(lines))]


def written(kind: Any, found: list[StoredRecord]) -> bytes:
    file = io.BytesIO()
    writer = kind(file, COLUMNS)
    for one in found:
        writer.write(row_of(one, COLUMNS))
    writer.close()
    return file.getvalue()


def rows_of_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def rows_of_jsonl(content: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in content.splitlines()]


async def real_record() -> StoredRecord:
    """Return what a gate writes of an order that is cut down."""
    house = await House().open()
    await house.gate().process([house.arrive(quantity=0.1, confidence=0.1)])
    (found,) = await stored(house.journal.records[0])
    return found


async def test_a_verdict_is_told_with_its_numbers() -> None:
    found = await real_record()
    (row,) = rows_of_jsonl(written(JsonLinesWriter, [found]))
    assert list(row) == NAMES
    assert (row["seq"], row["hash"], row["prev_hash"]) == (1, found.hash, "0" * 64)
    assert (row["kind"], row["verdict"], row["strategy"]) == ("verdict", "deny", "momentum")
    assert row["at_utc"] == "2026-11-23T12:00:00.000Z"
    assert row["codes"] == list(found.codes)
    assert row["reasons"][0].startswith(f"{found.codes[0]}: limit=")
    assert Decimal(row["requested_quantity_base_units"]) == Decimal("0.1")
    notional = Decimal(row["requested_quantity_base_units"]) * Decimal(row["price_usd"])
    assert Decimal(row["requested_notional_usd"]) == notional
    assert (row["approved_quantity_base_units"], row["policy_revision"]) == (None, 1)
    assert (row["fund"], row["mode"]) == ("main", "enforce")
    assert len(row["policy_hash"]) == len(row["charter_hash"]) == 64


async def test_all_formats_say_the_same() -> None:
    change = Change("policy", "2", "{}", "olga", "calmer")
    found = await stored(
        verdict_line("d1", VerdictKind.DENY, ReasonCode.FUND_HALTED, ReasonCode.INTENT_STALE),
        verdict_line("d2"), later_line("d2"), b"odd",
        change_record("c1", change, at=NOON, fund="main"),
    )  # fmt: skip
    as_csv = rows_of_csv(written(CsvWriter, found))
    as_jsonl = rows_of_jsonl(written(JsonLinesWriter, found))
    table = pq.read_table(io.BytesIO(written(ParquetWriter, found)))
    assert table.column_names == NAMES == list(as_csv[0]) == list(as_jsonl[0])
    for csv_row, json_row, parquet_row in zip(as_csv, as_jsonl, table.to_pylist(), strict=True):
        for column in COLUMNS:
            value, same = json_row[column.name], parquet_row[column.name]
            if column.form is Form.TIME:
                assert datetime.fromisoformat(value) == same
            else:
                assert value == same
            text = "; ".join(value) if isinstance(value, list) else value
            assert csv_row[column.name] == ("" if text is None else str(text))
    assert [one["kind"] for one in as_jsonl] == [
        "verdict", "verdict", "withdrawal", "poisoned", "change",
    ]  # fmt: skip
    assert as_jsonl[2]["later_reason"] == "FUND_HALTED"
    told = [as_jsonl[4][f"change_{name}"] for name in ("subject", "scope", "author", "reason")]
    assert told == ["policy", "2", "olga", "calmer"]


async def test_parquet_has_times_and_lists_and_many_groups() -> None:
    (found,) = await stored(verdict_line("d1", VerdictKind.DENY, ReasonCode.FUND_HALTED))
    many = [structs.replace(found, seq=number) for number in range(1, 12_002)]
    file = pq.ParquetFile(io.BytesIO(written(ParquetWriter, many)))
    assert file.metadata.num_rows == 12_001
    assert file.metadata.num_row_groups == 3
    types = {field.name: str(field.type) for field in file.schema_arrow}
    assert types["at_utc"] == "timestamp[ms, tz=UTC]"
    assert types["codes"] == "list<element: string>"
    assert (types["seq"], types["price_usd"]) == ("int64", "string")
    assert pq.read_table(io.BytesIO(written(ParquetWriter, []))).num_rows == 0


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r1", "|x", "%0A=1", "\uff1d1", "\n1"]
)
async def test_text_of_strangers_is_no_formula(text: str) -> None:
    intent = structs.replace(INTENT, strategy=text, stated_id=text)
    (found,) = await stored(verdict_line("d1", intent=intent))
    (row,) = rows_of_csv(written(CsvWriter, [found]))
    assert row["strategy"] == row["intent_id"] == f"'{text}"
    (plain,) = rows_of_jsonl(written(JsonLinesWriter, [found]))
    assert plain["strategy"] == text


@given(st.text())
def test_no_text_begins_as_a_formula(text: str) -> None:
    made = harmless(text)
    assert made.removeprefix("'") == text.removeprefix("'") or made == text
    assert not made.lstrip().startswith(("=", "+", "-", "@"))


async def test_a_number_stays_a_number() -> None:
    (found,) = await stored(verdict_line("d1"))
    record = orjson.loads(found.record or "")
    record["verdict"]["quantity"] = "-0.000000000000000001"
    record["verdict"]["price"] = "=cmd"
    odd = structs.replace(found, record=orjson.dumps(record).decode())
    (row,) = rows_of_csv(written(CsvWriter, [odd]))
    assert row["approved_quantity_base_units"] == "-0.000000000000000001"
    assert row["price_usd"] == "'=cmd"


async def test_lines_within_text_are_kept() -> None:
    intent = structs.replace(INTENT, strategy='a\n"b",c')
    found = await stored(verdict_line("d1", intent=intent), verdict_line("d2"))
    rows = rows_of_csv(written(CsvWriter, found))
    assert [one["strategy"] for one in rows] == ['a\n"b",c', "momentum"]


async def test_a_record_that_is_none_is_refused() -> None:
    (found,) = await stored(verdict_line("d1"))
    for text in ("{", "[]"):
        with pytest.raises(RecordUnreadable, match="record 1 cannot be read"):
            row_of(structs.replace(found, record=text), COLUMNS)
    sparse = structs.replace(found, record='{"verdict": 1, "decision": []}')
    row = dict(zip(NAMES, row_of(sparse, COLUMNS), strict=True))
    assert (row["price_usd"], row["reasons"], row["seq"]) == (None, [], 1)


async def test_the_record_itself_can_be_had() -> None:
    (found,) = await stored(verdict_line("d1"))
    assert row_of(found, (RECORD,)) == [found.record]


async def test_an_event_has_the_words_of_watch() -> None:
    found = await real_record()
    event = event_of(found)
    assert (event["seq"], event["hash"], event["record"]) == (1, found.hash, found.record)
    assert (event["mode"], event["requested_quantity"]) == ("enforce", "0.1")
    assert str(event["reasons"][0]).startswith(f"{found.codes[0]}: ")  # type: ignore[index]
    (odd,) = await stored(b64encode(b"odd"))
    assert (event_of(odd)["kind"], event_of(odd)["reasons"]) == ("poisoned", [])


def test_every_column_is_documented() -> None:
    text = (ROOT / "docs" / "AUDIT.md").read_text("utf-8")
    for one in (*COLUMNS, RECORD):
        assert f"| `{one.name}` | {one.form} | {one.about} |" in text
