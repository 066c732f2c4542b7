"""Routes of the record: verdicts, explanations, exports, and how complete it is."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any, Final

import structlog
from fastapi import Depends, Query
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from petrosa_cio.audit.export import CsvWriter, JsonLinesWriter
from petrosa_cio.audit.export_columns import COLUMNS, RECORD, row_of
from petrosa_cio.audit.found_record import event_of
from petrosa_cio.audit.search import USUAL_PAGE, Asked, read_query
from petrosa_cio.errors import CioError, NotFound
from petrosa_cio.governance.authority import Act
from petrosa_cio.office.completeness import gaps_fields
from petrosa_cio.office.records import LARGEST_PORTION, Portion
from petrosa_cio.ports import RecordQuery
from petrosa_cio.surfaces.api.asked import (
    FIRST_YEAR,
    LAST_YEAR,
    MOST_REVISIONS,
    DecisionName,
    Limit,
    Text,
)
from petrosa_cio.surfaces.api.envelope import Told
from petrosa_cio.surfaces.api.route import Call, Called, Routes
from petrosa_cio.surfaces.api.told import ExplanationAnswer, Page, RecordRow
from petrosa_cio.surfaces.api.told_records import (
    AlertRow,
    CheckpointAnswer,
    EffectivenessAnswer,
    GapsAnswer,
)

log = structlog.get_logger()

routes = Routes("records")

EXPORT_WITHIN_S: Final = 300.0
"""An export that takes longer, or whoever reads it, is broken off: the connection then ends before
the last chunk."""

CHUNK_BYTES: Final = 65_536

Several = Annotated[list[Text], Query(max_length=50)]


def asked_of(  # noqa: PLR0913, PLR0917 - they are what may be asked
    strategy: Annotated[Text | None, Query(description="A strategy, as it names itself.")] = None,
    symbol: Annotated[Text | None, Query(description="A symbol.", examples=["BTCUSDT"])] = None,
    verdict: Annotated[Several, Query(description="approve, reduce or deny; repeated.")] = [],  # noqa: B006
    code: Annotated[Several, Query(description="Reason codes; repeated.")] = [],  # noqa: B006
    since: Annotated[Text | None, Query(description="From this time on, ISO-8601.")] = None,
    until: Annotated[Text | None, Query(description="Before this time.")] = None,
    trace: Annotated[Text | None, Query(description="A trace, 32 hexadecimal digits.")] = None,
    intent: Annotated[Text | None, Query(description="What the bot called its intent.")] = None,
    decision: Annotated[Text | None, Query(description="A decision.")] = None,
    oldest_first: Annotated[bool, Query(description="The oldest first.")] = False,
) -> Asked:
    """Return what is searched for, by the parameters of a call."""
    return Asked(
        strategy, symbol, tuple(verdict), tuple(code), (), since, until, trace, intent, decision,
        oldest_first=oldest_first,
    )  # fmt: skip


Searched = Annotated[Asked, Depends(asked_of)]
Kinds = Annotated[Several, Query(description="Kinds of record, as verdict or change; repeated.")]
Cursor = Annotated[
    Text | None, Query(max_length=200, description="Where the page before ended; same search.")
]


@routes.get("/verdicts", Act.LOOK, Told[Page[RecordRow]])
async def verdicts(
    call: Called, asked: Searched, limit: Limit = USUAL_PAGE, cursor: Cursor = None
) -> Any:
    """Find verdicts, a page at a time. Pages show what was there when the first was shown."""
    return await _found(call, asked, ("verdict",), limit, cursor)


@routes.get("/records", Act.LOOK, Told[Page[RecordRow]])
async def records(
    call: Called, asked: Searched, kind: Kinds = [], limit: Limit = USUAL_PAGE,  # noqa: B006
    cursor: Cursor = None,
) -> Any:  # fmt: skip
    """Find records of every kind: verdicts, what became of them, and changes of what governs."""
    return await _found(call, asked, tuple(kind), limit, cursor)


async def _found(
    call: Call, asked: Asked, kinds: tuple[str, ...], limit: int, cursor: str | None
) -> Any:
    page = await call.office.records.finder.find(
        query_of(call, asked, kinds), limit=limit, cursor=cursor
    )
    return call.told({"items": [event_of(one) for one in page.records], "cursor": page.cursor})


def query_of(call: Call, asked: Asked, kinds: tuple[str, ...]) -> RecordQuery:
    """Return a search within the fund. Raises QueryRejected with every problem."""
    stated = {name: getattr(asked, name) for name in Asked.__slots__}
    return read_query(Asked(**stated | {"kinds": kinds, "fund": call.office.fund}))


@routes.get("/verdicts/{decision}", Act.LOOK, Told[Page[RecordRow]], more=[404])
async def one_verdict(call: Called, decision: DecisionName) -> Any:
    """Return a decision's records: its verdict, and what became of it, the oldest first."""
    query = read_query(Asked(decision_id=decision, fund=call.office.fund, oldest_first=True))
    page = await call.office.records.finder.find(query)
    if not page.records:
        raise NotFound(f"the record has no decision {decision!r}")
    return call.told({"items": [event_of(one) for one in page.records], "cursor": page.cursor})


@routes.get("/verdicts/{decision}/explanation", Act.LOOK, Told[ExplanationAnswer], more=[404])
async def explanation(call: Called, decision: DecisionName) -> Any:
    """Say in plain words what was decided of an intent, why, and what became of it.

    It takes what the bot called its intent, too; of several the first is explained.
    """
    done = await call.office.records.explained(decision)
    found = done.found
    told = asdict(done.words) | {
        "decision_id": found.decision_id,
        "at": found.at,
        "policy_revision": found.policy_revision,
        "verdict": found.verdict.kind,
        "afterwards": done.afterwards,
    }
    return call.told(told)


# --- exports --------------------------------------------------------------------------------------


class Form(StrEnum):
    """How an export is written."""

    CSV = "csv"
    JSONL = "jsonl"


MEDIA: Final = {Form.CSV: "text/csv; charset=utf-8", Form.JSONL: "application/x-ndjson"}

_POSITION = {"schema": {"type": "string"}}
_EXPORTED: Final = {
    200: {
        "description": "The records, in no envelope. The next portion begins after "
        "`Cio-Export-Until`; the record is exported once that is `Cio-Export-Last`.",
        "headers": {
            "Cio-Export-Until": _POSITION | {"description": "The last position looked at."},
            "Cio-Export-Last": _POSITION | {"description": "The last position of the record."},
        },
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/x-ndjson": {"schema": {"type": "string"}},
        },
    }
}


class ExportResponse(StreamingResponse):
    """An export, broken off where it takes too long; its place is free again then."""

    places: asyncio.Semaphore

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            async with asyncio.timeout(EXPORT_WITHIN_S):
                await super().__call__(scope, receive, send)
        except (CioError, TimeoutError) as broken:
            log.warning("export_broken_off", why=str(broken) or "it took too long")
            raise
        finally:
            self.places.release()


@routes.get("/records/exports", Act.LOOK, None, answers=_EXPORTED, response_class=ExportResponse)
async def export_records(  # noqa: PLR0913, PLR0917 - they are what may be asked
    call: Called,
    asked: Searched,
    kind: Kinds = [],  # noqa: B006
    form: Annotated[Form, Query(description="CSV or JSON Lines.")] = Form.JSONL,
    with_record: Annotated[bool, Query(description="Add each record's own JSON.")] = False,
    after: Annotated[
        int, Query(ge=0, le=MOST_REVISIONS, description="Begin beyond this position.")
    ] = 0,
    positions: Annotated[
        int, Query(ge=1, le=LARGEST_PORTION, description="Positions of the chain to look at.")
    ] = 10_000,
) -> ExportResponse:
    """Export records as CSV or JSON Lines, in the order of the chain, a portion at a time.

    The columns are those of docs/AUDIT.md. Each portion looks at so many positions of the chain,
    and says in its headers where the next begins. It is sent as it is read; where it breaks off
    the connection ends before the last chunk.
    """
    query = query_of(call, asked, tuple(kind))
    portion = await call.office.records.portion(after, positions)
    await call.place().acquire()
    response = ExportResponse(
        _lines(call, query, portion, form, with_record),
        media_type=MEDIA[form],
        headers={
            "Cio-Export-Until": str(portion.until),
            "Cio-Export-Last": str(portion.last),
        },
    )
    response.places = call.places
    return response


async def _lines(
    call: Call, query: RecordQuery, portion: Portion, form: Form, with_record: bool
) -> AsyncIterator[bytes]:
    columns = (*COLUMNS, RECORD) if with_record else COLUMNS
    target = io.BytesIO()
    rows = (CsvWriter if form is Form.CSV else JsonLinesWriter)(target, columns)
    async with aclosing(call.office.records.walk(query, portion)) as found:  # type: ignore[type-var]
        async for one in found:
            rows.write(row_of(one, columns))
            if target.tell() >= CHUNK_BYTES:
                yield _taken(target)
    rows.close()
    yield _taken(target)


def _taken(target: io.BytesIO) -> bytes:
    chunk = target.getvalue()
    target.seek(0)
    target.truncate()
    return chunk


# --- completeness ---------------------------------------------------------------------------------

Hours = Annotated[float, Query(gt=0, le=8784, description="Findings of so many hours back.")]


@routes.get("/audits/gaps", Act.LOOK, Told[GapsAnswer])
async def gaps(
    call: Called,
    hours: Hours = 24,
) -> Any:
    """Say whether the record is complete: what was captured, decided, sent, and what is missing.

    `status` is `clean`, `gaps` or `not_checked`; `open` counts findings by kind.
    """
    return call.told(gaps_fields(*await call.office.records.gaps(hours)))


@routes.get("/audits/alerts", Act.LOOK, Told[Page[AlertRow]])
async def alerts(
    call: Called,
    hours: Hours = 24,
    kind: Annotated[
        Several, Query(description="Kinds, such as policy_guard; unset, all of them; repeated.")
    ] = [],  # noqa: B006
    limit: Annotated[int, Query(ge=1, le=50, description="Most of each kind.")] = 20,
) -> Any:
    """List what somebody should look at, the newest first: findings that are open, and the guard's.

    Of the record's completeness these are findings that are not over; the kind `policy_guard` tells
    of each revision of the policy that was out of bounds, and of what was done about it.
    """
    found = await call.office.records.alerts(kind, hours, limit)
    return call.told({"items": found, "cursor": None})


@routes.get("/audits/checkpoints/newest", Act.LOOK, Told[CheckpointAnswer], more=[404])
async def newest_checkpoint(call: Called) -> Any:
    """Return the newest signed checkpoint of the chain of records."""
    return call.told(await call.office.records.newest_checkpoint())


@routes.get("/audits/effectiveness", Act.LOOK, Told[EffectivenessAnswer])
async def effectiveness(
    call: Called,
    year: Annotated[
        int | None,
        Query(ge=FIRST_YEAR, le=LAST_YEAR, description="A calendar year, UTC; unset, this one."),
    ] = None,
) -> Any:
    """Say of each limit of a year what it was, who set it and why, and what it stopped.

    It reads every verdict of the year: where that takes too long, `cio audit effectiveness` has
    the time.
    """
    async with call.place():
        return call.told(await call.office.records.effectiveness(year or call.office.clock().year))
