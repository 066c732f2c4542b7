"""Searches the record: what may be asked, and page after page of what is found.

A page says where the next one begins, as a *cursor*: an opaque text that a caller hands back. The
first page notes where the record ended then, and no later page goes beyond: so the pages together
are exactly what was there, each record once, however many come in meanwhile, even late ones.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from petrosa_cio.audit.cursor import Cursor, read_cursor, written_cursor
from petrosa_cio.audit.record import RecordKind
from petrosa_cio.audit.trace import POISONED
from petrosa_cio.errors import QueryRejected
from petrosa_cio.ports import Place, RecordQuery, RecordSearch, StoredRecord
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.verdict import VerdictKind

KINDS = (*map(str, RecordKind), POISONED)
"""Every kind of record."""

USUAL_PAGE = 50
LARGEST_PAGE = 1_000
LONGEST_NAME = 1_024

_SYMBOL = re.compile(r"[A-Z0-9]{3,32}")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A search as somebody states it, in text. `read_query` says whether it makes sense.

    Attributes:
        strategy: Name of a strategy, as it names itself.
        symbol: A symbol, in whatever letters.
        verdicts: Verdicts, of which a record must be one.
        codes: Reason codes, of which a verdict must give at least one.
        kinds: Kinds of record, of which a record must be one.
        since: From this time on, ISO-8601; UTC where it states no zone.
        until: Before this time, alike.
        trace_id: Trace of the intent, 32 hexadecimal digits.
        intent_id: What the bot called its intent.
        decision_id: A decision.
        fund: The fund.
        oldest_first: Whether the oldest come first, and not the newest.
    """

    strategy: str | None = None
    symbol: str | None = None
    verdicts: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    trace_id: str | None = None
    intent_id: str | None = None
    decision_id: str | None = None
    fund: str | None = None
    oldest_first: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What was found.

    Attributes:
        records: The records, in the order asked for.
        cursor: Where the next page begins; None where there is none.
        last_position: Position of the last record of which this search knows.
    """

    records: tuple[StoredRecord, ...]
    cursor: str | None
    last_position: int


class Finder:
    """Finds records, a page at a time."""

    def __init__(self, search: RecordSearch) -> None:
        """Take where records are found."""
        self._search = search

    async def find(
        self, query: RecordQuery, *, limit: int = USUAL_PAGE, cursor: str | None = None
    ) -> Page:
        """Return one page.

        Args:
            query: What is asked for.
            limit: Most records of the page, 1 to `LARGEST_PAGE`; pages may differ in it.
            cursor: Where the page before said that this one begins; None for the first.

        Raises:
            QueryRejected: The cursor is none of this query, or the limit is out of bounds.
            Unavailable: The record cannot be reached, or the search takes too long.
            RecordUnreadable: A record is not as this program writes them.
        """
        if not 1 <= limit <= LARGEST_PAGE:
            raise QueryRejected([f"limit: expected 1 to {LARGEST_PAGE}, was {limit}"])
        if cursor is None:
            after, last = None, await self._search.last_position()
        else:
            begun = read_cursor(cursor, query)
            after, last = begun.after, begun.last_position
        found = await self._search.page(query, after=after, last=last, most=limit + 1)
        page = tuple(found[:limit])
        following = None
        if len(found) > limit:
            following = written_cursor(Cursor(Place(page[-1].at, page[-1].seq), last), query)
        return Page(page, following, last)


def read_query(asked: Asked) -> RecordQuery:
    """Return a search as it is asked of the record.

    Raises:
        QueryRejected: With every problem, each beginning with the name of its field.
    """
    problems: list[str] = []
    symbol = asked.symbol.upper() if asked.symbol is not None else None
    trace_id = asked.trace_id.lower() if asked.trace_id is not None else None
    query = RecordQuery(
        strategy=asked.strategy,
        symbol=symbol,
        verdicts=frozenset(one.lower() for one in asked.verdicts),
        codes=frozenset(one.upper() for one in asked.codes),
        kinds=frozenset(one.lower() for one in asked.kinds),
        since=_instant("since", asked.since, problems),
        until=_instant("until", asked.until, problems),
        trace_id=trace_id,
        intent_id=asked.intent_id,
        decision_id=asked.decision_id,
        fund=asked.fund,
        oldest_first=asked.oldest_first,
    )
    problems += _problems(query)
    if problems:
        raise QueryRejected(problems)
    return query


def _problems(query: RecordQuery) -> Iterator[str]:
    for name in ("strategy", "intent_id", "decision_id", "fund"):
        text = getattr(query, name)
        if text is not None and not 1 <= len(text) <= LONGEST_NAME:
            yield f"{name}: expected 1 to {LONGEST_NAME} characters, were {len(text)}"
    if query.symbol is not None and not _SYMBOL.fullmatch(query.symbol):
        yield f"symbol: expected letters and digits, such as BTCUSDT, was {query.symbol!r}"
    if query.trace_id is not None and not _TRACE_ID.fullmatch(query.trace_id):
        yield f"trace_id: expected 32 hexadecimal digits, was {query.trace_id!r}"
    yield from _unknown("verdict", query.verdicts, VerdictKind)
    yield from _unknown("code", query.codes, ReasonCode)
    yield from _unknown("kind", query.kinds, KINDS)
    if query.since is not None and query.until is not None and query.since >= query.until:
        yield f"until: expected a time after {query.since.isoformat()}"


def _unknown(name: str, stated: Iterable[str], known: Iterable[str | StrEnum]) -> Iterator[str]:
    names = [str(one) for one in known]
    for one in sorted(set(stated) - set(names)):
        near = difflib.get_close_matches(one, names, n=1)
        few = (
            f"there are {', '.join(names)}" if len(names) <= len(KINDS) else "see docs/CONTROLS.md"
        )
        yield f"{name}: there is no {one}; {f'did you mean {near[0]}?' if near else few}"


def _instant(name: str, text: str | None, problems: list[str]) -> datetime | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        problems.append(f"{name}: expected a time such as 2026-11-23T08:00, was {text!r}")
        return None
