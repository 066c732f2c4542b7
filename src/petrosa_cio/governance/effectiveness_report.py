"""Reads what limits did from the record, and puts it as rows and as JSON."""

from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from datetime import datetime

from petrosa_cio.audit.chain import whole_ms, written_instant
from petrosa_cio.audit.record import RecordKind
from petrosa_cio.governance.effectiveness import (
    BUILT_IN,
    Bites,
    Effectiveness,
    LimitRow,
    is_named,
)
from petrosa_cio.governance.policy_history import PolicyHistory
from petrosa_cio.ports import Place, RecordQuery, RecordSearch, StoredRecord
from petrosa_cio.risk.limits import LIMIT_KINDS, LimitSet
from petrosa_cio.risk.policy import in_words
from petrosa_cio.risk.trading_hours import TradingHours, write_trading_hours
from petrosa_cio.risk.verdict import VerdictKind

COUNTED = frozenset(map(str, RecordKind)) - {str(RecordKind.CHANGE)}
"""Kinds of record that are counted: verdicts, and what became of them."""

CHANGES_AT_A_TIME = 100
"""A change of policy holds the whole document."""

MOST_HIT = 5
"""Strategies that a row names."""

UNKNOWN = "not in the record"

ORDERS = ("openings", "exits", "others")

COLUMNS = (
    "limit", "entry", "value", "unit", "versions", "from_utc", "until_utc", "set_by", "thought",
    "reason", "judged_openings", "judged_exits", "denied_openings", "denied_exits", "denied_others",
    "denied_alone", "reduced_openings", "first_utc", "last_utc", "strategies_most_hit", "never_bit",
    "about",
)  # fmt: skip
"""What a row of `row_of` holds."""


async def read_effectiveness(
    search: RecordSearch,
    fund: str,
    since: datetime,
    until: datetime,
    progress: Callable[[int, int], None] = lambda _seq, _last: None,
) -> tuple[Effectiveness, int]:
    """Return what limits did in a span of time, and the last position that was known.

    Args:
        search: The record.
        fund: The fund.
        since: Beginning of the span, aware UTC.
        until: Its end.
        progress: Told how far along the chain it is, now and then, and how long that is.

    Raises:
        Unavailable: The record cannot be reached.
        RecordUnreadable: A record is not as this program writes them.
    """
    last, history = await search.last_position(), PolicyHistory(fund)
    async for one in _changes(search, fund, until, last):
        history.add(one)
    counting = Effectiveness(history, since, until)
    query = RecordQuery(fund=fund, kinds=COUNTED, since=since, until=until)
    async for one in search.walk(query, last=last):
        counting.add(one)
        progress(one.seq, last)
    return counting, last


async def _changes(
    search: RecordSearch, fund: str, until: datetime, last: int
) -> AsyncIterator[StoredRecord]:
    kinds = frozenset({str(RecordKind.CHANGE)})
    query = RecordQuery(fund=fund, kinds=kinds, until=until, oldest_first=True)
    after: Place | None = None
    while page := await search.page(query, after=after, last=last, most=CHANGES_AT_A_TIME):
        for one in page:
            yield one
        after = Place(page[-1].at, page[-1].seq)


def fields_of(row: LimitRow) -> dict[str, object]:
    """Return a row with its columns by name; what is not known is None."""
    stint, bites = row.stint, row.bites
    by = stint.set_by if stint else None
    return {
        "limit": row.limit,
        "entry": row.entry,
        "value": value_of(row),
        "unit": LIMIT_KINDS[row.limit].unit,
        "versions": stint.versions if stint else [],
        "from_utc": by and by.at,
        "until_utc": stint and stint.until,
        "set_by": by and by.author,
        "thought": by and by.change_id,
        "reason": by and by.reason,
        "judged_openings": row.judged["openings"] if stint else None,
        "judged_exits": row.judged["exits"] if stint else None,
        **bites_object(bites),
        "never_bit": not bites.total if is_named(row.limit) else None,
        "about": LimitSet.model_fields[row.limit].description,
    }


def row_of(row: LimitRow) -> list[str]:
    """Return a row as text, a cell for each of `COLUMNS`."""
    fields = fields_of(row)
    return [_cell(fields[name]) for name in COLUMNS]


def bites_object(bites: Bites) -> dict[str, object]:
    """Return what something objected to, by name."""
    return {
        **{f"denied_{order}": bites.denied[order] for order in ORDERS},
        "denied_alone": bites.alone,
        "reduced_openings": bites.reduced,
        "first_utc": bites.first,
        "last_utc": bites.last,
        "strategies_most_hit": dict(bites.strategies.most_common(MOST_HIT)),
    }


def report_object(found: Effectiveness, last_position: int) -> dict[str, object]:
    """Return everything that was counted, for a program."""
    rows = found.rows()
    return {
        "fund": found.history.fund,
        "since": found.since,
        "until": found.until,
        "last_position": last_position,
        "verdicts": {
            order: {str(kind): found.decisions[order, str(kind)] for kind in VerdictKind}
            for order in ORDERS
        },
        "observed_only": found.observed,
        "befell_approvals": dict(found.befell),
        "limits": [fields_of(one) for one in rows],
        "never_bit": never_bit(rows),
        "reasons": {code: bites_object(one) for code, one in sorted(found.by_code.items())},
        "changes": [asdict(one) for one in found.history.changes if one.at >= found.since],
    }


def never_bit(rows: list[LimitRow]) -> list[str]:
    """Return the limits that stopped nothing, with none of the values that they had.

    Those that cannot stop anything are left out: `is_named` says which can.
    """
    bit = {(one.entry, one.limit) for one in rows if one.bites.total}
    names = dict.fromkeys((one.entry, one.limit) for one in rows if is_named(one.limit))
    return [f"{entry}.{limit}" for entry, limit in names if (entry, limit) not in bit]


def words_of(value: object) -> str:
    """Return a limit's value as people write it."""
    if isinstance(value, TradingHours):
        return ", ".join(write_trading_hours(value))
    return in_words(value)


def value_of(row: LimitRow) -> str:
    """Return the value of a row as people write it; of what nobody states, the default."""
    if row.stint is not None:
        return words_of(row.stint.value)
    default = LIMIT_KINDS[row.limit].unstated if row.entry == BUILT_IN else None
    return UNKNOWN if default is None else words_of(default)


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return written_instant(whole_ms(value))
        case dict():
            return "; ".join(f"{name} {number}" for name, number in value.items())
        case list():
            return "; ".join(map(str, value))
    return str(value)
