"""Tools of the record: verdicts, what became of them, how complete it is, and its end."""

from contextlib import aclosing
from typing import Any

from petrosa_cio.audit.export_columns import COLUMNS, row_of
from petrosa_cio.audit.search import Asked
from petrosa_cio.surfaces.api import records
from petrosa_cio.surfaces.api.envelope import Told
from petrosa_cio.surfaces.api.route import Call
from petrosa_cio.surfaces.api.told import ExplanationAnswer, Page, RecordRow
from petrosa_cio.surfaces.api.told_records import (
    AlertRow,
    CheckpointAnswer,
    EffectivenessAnswer,
    ExportAnswer,
    GapsAnswer,
)
from petrosa_cio.surfaces.mcp.asked import (
    Alerts,
    Explaining,
    Exporting,
    Hours,
    Matching,
    MatchingRecords,
    Nothing,
    Searching,
    SearchingRecords,
    Year,
)
from petrosa_cio.surfaces.mcp.tool import Tools

tools = Tools()


@tools.question(Searching, Page[RecordRow], words=True)
async def find_verdicts(call: Call, asked: Searching) -> Any:
    """Find verdicts, a page at a time, the newest first."""
    found = await records.verdicts(call, _search(asked), asked.limit, asked.cursor)
    return _without_originals(found)


@tools.question(Explaining, ExplanationAnswer, words=True)
async def explain_verdict(call: Call, asked: Explaining) -> Any:
    """Say in plain words what was decided of an intent, why, and what became of it."""
    return await records.explanation(call, asked.decision)


@tools.question(SearchingRecords, Page[RecordRow], words=True)
async def find_records(call: Call, asked: SearchingRecords) -> Any:
    """Find records of every kind: verdicts, what became of them, and changes of what governs."""
    kinds = list(asked.kind)
    found = await records.records(call, _search(asked), kinds, asked.limit, asked.cursor)
    return _without_originals(found)


@tools.question(Hours, GapsAnswer, words=True)
async def get_gaps(call: Call, asked: Hours) -> Any:
    """Say whether the record is complete: what was captured, decided, sent, and what is missing.

    The field status is clean, gaps or not_checked.
    """
    return await records.gaps(call, asked.hours)


@tools.question(Year, EffectivenessAnswer, words=True)
async def get_effectiveness(call: Call, asked: Year) -> Any:
    """Say of each limit of a year what it was, who set it and why, and what it stopped."""
    return await records.effectiveness(call, asked.year)


@tools.question(Exporting, ExportAnswer, words=True)
async def export_records(call: Call, asked: Exporting) -> Any:
    """Return a portion of the chain of records as rows, with the columns of exports.

    Ask again with after set to until of the answer, until that is last. Whole files, with each
    record's own JSON, come from `cio audit export` and the HTTP API.
    """
    query = records.query_of(call, _search(asked), tuple(asked.kind))
    portion = await call.office.records.portion(asked.after, asked.positions)
    names = [one.name for one in COLUMNS]
    rows = []
    async with aclosing(call.office.records.walk(query, portion)) as found:  # type: ignore[type-var]
        async for one in found:
            rows.append(dict(zip(names, row_of(one, COLUMNS), strict=True)))
    return call.told({"rows": rows, "until": portion.until, "last": portion.last})


@tools.question(Alerts, Page[AlertRow], words=True)
async def get_alerts(call: Call, asked: Alerts) -> Any:
    """List what somebody should look at: open findings about the record, and what the guard did."""
    return await records.alerts(call, asked.hours, asked.kind, asked.limit)


@tools.question(Nothing, CheckpointAnswer)
async def get_checkpoint(call: Call, _asked: Nothing) -> Any:
    """Return the signed end of the chain of records: whoever keeps it notices what is rewritten."""
    return await records.newest_checkpoint(call)


def _search(asked: Matching) -> Asked:
    more: dict[str, Any] = {}
    if isinstance(asked, MatchingRecords):
        more = {
            "trace_id": asked.trace,
            "intent_id": asked.intent,
            "decision_id": asked.decision,
        }
    return Asked(
        strategy=asked.strategy,
        symbol=asked.symbol,
        verdicts=tuple(asked.verdict),
        codes=tuple(asked.code),
        since=asked.since,
        until=asked.until,
        **more,
    )


def _without_originals(found: Told[Any]) -> Told[Any]:
    """Leave out each record's own JSON, which exports have."""
    rows = [one | {"record": None} for one in found.data["items"]]
    return found.model_copy(update={"data": found.data | {"items": rows}})
