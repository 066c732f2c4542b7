"""How complete the record is, said in one word, and what the gate keeps of it."""

from datetime import datetime, timedelta

import pytest

from petrosa_cio.audit.books import Books
from petrosa_cio.audit.findings import GAPS, MEANINGS, FindingKind
from petrosa_cio.audit.gaps import SILENT_AFTER, Completeness, Gaps, status_of
from petrosa_cio.nurse.completeness_watch import NOT_HEARD, CompletenessWatch
from tests.commands import cio
from tests.records import NOON

NOTHING = dict.fromkeys(map(str, FindingKind), 0)


def gaps(checked_at: datetime | None = NOON, **found: int) -> Gaps:
    books = Books(NOON, checked_until=checked_at, checked_at=checked_at)
    return Gaps(books.summary, NOTHING | found, NOON - timedelta(hours=24), NOON)


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (gaps(), Completeness.CLEAN),
        (gaps(undelivered=3), Completeness.CLEAN),
        (gaps(NOON - SILENT_AFTER), Completeness.CLEAN),
        (gaps(no_verdict=1), Completeness.GAPS),
        (gaps(NOON - SILENT_AFTER - timedelta(seconds=1)), Completeness.NOT_CHECKED),
        (gaps(None), Completeness.NOT_CHECKED),
        (Gaps(None, NOTHING, NOON, NOON), Completeness.NOT_CHECKED),
        (Gaps(None, NOTHING | {"rogue_signal": 1}, NOON, NOON), Completeness.GAPS),
    ],
)
def test_what_is_not_checked_is_not_clean(found: Gaps, status: Completeness) -> None:
    assert found.status is status


def test_every_kind_has_a_meaning_and_all_but_one_is_a_gap() -> None:
    assert list(MEANINGS) == list(FindingKind)
    assert set(FindingKind) - GAPS == {FindingKind.UNDELIVERED}


def test_the_gate_keeps_the_last_word_and_not_for_ever() -> None:
    now = [NOON]
    watch = CompletenessWatch(lambda: now[0])
    assert watch.now() == NOT_HEARD
    watch.heard(status_of(gaps(no_verdict=2)))
    told = {"status": "gaps", "gaps": 2, "checked_until": "2026-11-23T12:00:00+00:00"}
    assert watch.now() == told
    for body in (b"", b"[]", b"{}", b'{"status":"fine"}', b'{"status":"clean","gaps":null}'):
        watch.heard(body)
    assert watch.now() == told
    now[0] += timedelta(seconds=61)
    assert watch.now() == NOT_HEARD


def test_where_no_program_runs_it_could_not_be_checked() -> None:
    code, page = cio("audit", "gaps", environ={"CIO_DATA_DIR": "/nowhere/at/all"})
    assert code == 2
    assert "CIO_REDIS_URL" in page.replace("\n", "")


def test_where_a_server_is_away_it_could_not_be_checked() -> None:
    away = {"CIO_REDIS_URL": "redis://127.0.0.1:9/0", "CIO_MONGO_URL": "mongodb://127.0.0.1:9/"}
    code, page = cio("audit", "gaps", environ=away)
    assert code == 2
    assert "could not be checked" in page
