"""What may be asked of the record, and where its pages begin."""

from base64 import urlsafe_b64encode
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.audit import cursor as cursor_form
from petrosa_cio.audit.cursor import Cursor, read_cursor, written_cursor
from petrosa_cio.audit.search import Asked, Finder, read_query
from petrosa_cio.errors import QueryRejected
from petrosa_cio.ports import Place, RecordQuery
from tests.fakes import FakeSearch
from tests.records import NOON, keep, verdict_line

QUERY = RecordQuery(strategy="momentum", codes=frozenset({"FUND_HALTED", "INTENT_STALE"}))
CURSOR = Cursor(Place(NOON, 7), 12)


def test_what_is_stated_is_asked() -> None:
    asked = Asked(
        strategy="momentum", symbol="btcusdt", verdicts=("Deny",), codes=("fund_halted",),
        kinds=("Verdict",), since="2026-11-23", until="2026-11-23T12:00+02:00", trace_id="AB" * 16,
        intent_id="i-1", decision_id="d1", fund="main", oldest_first=True,
    )  # fmt: skip
    assert read_query(asked) == RecordQuery(
        strategy="momentum", symbol="BTCUSDT", verdicts=frozenset({"deny"}),
        codes=frozenset({"FUND_HALTED"}), kinds=frozenset({"verdict"}),
        since=datetime(2026, 11, 23, tzinfo=UTC), until=datetime(2026, 11, 23, 10, tzinfo=UTC),
        trace_id="ab" * 16, intent_id="i-1", decision_id="d1", fund="main", oldest_first=True,
    )  # fmt: skip
    assert read_query(Asked()) == RecordQuery()


def test_everything_wrong_is_named_at_once() -> None:
    asked = Asked(
        strategy="", symbol="BTC/USDT", verdicts=("denied",), codes=("FUND_HALTD", "XYZ"),
        kinds=("odd",), since="yesterday", until="2026-13-01", trace_id="12", intent_id="x" * 1025,
    )  # fmt: skip
    with pytest.raises(QueryRejected) as rejected:
        read_query(asked)
    assert rejected.value.problems == (
        "since: expected a time such as 2026-11-23T08:00, was 'yesterday'",
        "until: expected a time such as 2026-11-23T08:00, was '2026-13-01'",
        "strategy: expected 1 to 1024 characters, were 0",
        "intent_id: expected 1 to 1024 characters, were 1025",
        "symbol: expected letters and digits, such as BTCUSDT, was 'BTC/USDT'",
        "trace_id: expected 32 hexadecimal digits, was '12'",
        "verdict: there is no denied; did you mean deny?",
        "code: there is no FUND_HALTD; did you mean FUND_HALTED?",
        "code: there is no XYZ; see docs/CONTROLS.md",
        "kind: there is no odd; there are verdict, withdrawal, undelivered, unconfirmed, change, "
        "poisoned",
    )


@pytest.mark.parametrize("until", ["2026-11-23", "2026-11-22"])
def test_a_span_ends_after_it_begins(until: str) -> None:
    with pytest.raises(QueryRejected, match="until: expected a time after 2026-11-23T00:00:00"):
        read_query(Asked(since="2026-11-23", until=until))


@pytest.mark.parametrize("limit", [0, 1001])
async def test_a_page_is_bounded(limit: int) -> None:
    with pytest.raises(QueryRejected, match=f"limit: expected 1 to 1000, was {limit}"):
        await Finder(FakeSearch()).find(RecordQuery(), limit=limit)


async def test_a_page_is_found_in_the_query_it_belongs_to_only() -> None:
    record = FakeSearch()
    await keep(record, *(verdict_line(f"d{number}") for number in range(3)), at=NOON)
    finder = Finder(record)
    cursor = (await finder.find(RecordQuery(strategy="momentum"), limit=1)).cursor
    found = await finder.find(RecordQuery(strategy="momentum"), cursor=cursor)
    assert [one.decision_id for one in found.records] == ["d1", "d0"]
    with pytest.raises(QueryRejected, match="another search"):
        await finder.find(RecordQuery(symbol="BTCUSDT"), cursor=cursor)


# --- cursors --------------------------------------------------------------------------------------


@given(
    st.datetimes(timezones=st.just(UTC)).map(
        lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
    ),
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**63 - 1),
)
def test_a_cursor_says_what_it_was_told(at: datetime, seq: int, last: int) -> None:
    cursor = Cursor(Place(at, seq), last)
    text = written_cursor(cursor, QUERY)
    assert read_cursor(text, QUERY) == cursor
    assert text.replace("-", "").replace("_", "").isalnum()


@given(st.data())
def test_a_damaged_cursor_is_refused(data: st.DataObject) -> None:
    text = written_cursor(CURSOR, QUERY)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.text(max_size=3))
    damaged = text[:place] + other + text[place + 1 :]
    with suppress(QueryRejected):
        assert read_cursor(damaged, QUERY) == CURSOR  # the same bits, written otherwise


@given(st.text())
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(QueryRejected, match="begin anew"):
        read_cursor(text, QUERY)


def test_a_cursor_of_a_time_that_no_calendar_has_is_refused() -> None:
    content = cursor_form._FORM.pack(1, 2**62, 1, 1, cursor_form._query_hash(QUERY))
    text = urlsafe_b64encode(content + cursor_form._checksum(content)).decode().rstrip("=")
    with pytest.raises(QueryRejected, match="it names no time; begin anew"):
        read_cursor(text, QUERY)


@pytest.mark.parametrize(
    "change",
    [
        {"strategy": "golden"}, {"symbol": "BTCUSDT"}, {"verdicts": frozenset({"deny"})},
        {"codes": frozenset({"FUND_HALTED"})}, {"kinds": frozenset({"verdict"})}, {"since": NOON},
        {"until": NOON + timedelta(days=1)}, {"trace_id": "0" * 32}, {"intent_id": "i"},
        {"decision_id": "d"}, {"fund": "main"}, {"oldest_first": True},
    ],
)  # fmt: skip
def test_a_cursor_is_bound_to_every_part_of_its_query(change: dict[str, object]) -> None:
    text = written_cursor(CURSOR, QUERY)
    with pytest.raises(QueryRejected, match="another search"):
        read_cursor(text, replace(QUERY, **change))  # type: ignore[arg-type]
