"""The route of live events."""

import time
from typing import Annotated, Any, Final

from fastapi import Header, Query, Request, Response

from petrosa_cio.errors import QueryRejected
from petrosa_cio.governance.authority import Act
from petrosa_cio.office.live_events import WANTABLE, LiveKind, Place, Wanted
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.verdict import VerdictKind
from petrosa_cio.surfaces.api.asked import Text
from petrosa_cio.surfaces.api.route import Called, Reception, Routes
from petrosa_cio.surfaces.api.streams import TICK_S, EventStream, why_it_ends

routes = Routes("live")

LONGEST_S: Final = 86_400

Several = Annotated[list[Text], Query(max_length=50)]

_EVENTS: Final = {
    200: {
        "description": "Server-Sent Events, in no envelope; docs/API.md has them with examples.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


@routes.get("/stream", Act.LOOK, None, answers=_EVENTS, response_class=Response)
async def stream(  # noqa: PLR0913, PLR0917 - they are what may be asked
    call: Called,
    request: Request,
    kind: Annotated[Several, Query(description="Kinds of event; repeated.")] = [],  # noqa: B006
    strategy: Annotated[Several, Query(description="Strategies; repeated.")] = [],  # noqa: B006
    symbol: Annotated[Several, Query(description="Symbols; repeated.")] = [],  # noqa: B006
    verdict: Annotated[Several, Query(description="approve, reduce or deny; repeated.")] = [],  # noqa: B006
    code: Annotated[Several, Query(description="Reason codes; repeated.")] = [],  # noqa: B006
    lasts_s: Annotated[
        float | None, Query(gt=0, le=LONGEST_S, description="End after so many seconds.")
    ] = None,
    last_event_id: Annotated[
        Text | None,
        Header(max_length=128, description="Id of the event to go on behind; unset, from now on."),
    ] = None,
) -> Any:
    """Follow verdicts, what became of them, warnings, states and changes of policy, live.

    Server-Sent Events. Nothing is skipped in silence: with `Last-Event-ID` the stream goes on
    where it was, and `missed` tells of what it does not have. It ends when the token does.
    """
    wanted = _wanted(kind, strategy, symbol, verdict, code)
    reception: Reception = request.app.state.reception
    feed, streams = request.app.state.live
    place = Place.read(last_event_id) if last_event_id else await feed.now()
    header = request.headers.get("authorization")
    ends_at = None if lasts_s is None else time.monotonic() + lasts_s

    async def ends() -> str:
        return await why_it_ends(
            lambda: reception.admission.still_counts(header, Act.LOOK), streams, ends_at
        )

    tick_s = TICK_S if lasts_s is None else min(TICK_S, lasts_s)
    holding = streams.one_of(call.caller.token_id)
    return EventStream(feed.follow(place, wanted, tick_s=tick_s), place, ends, holding)


def _wanted(
    kinds: list[str], strategies: list[str], symbols: list[str], verdicts: list[str],
    codes: list[str],
) -> Wanted:  # fmt: skip
    """Return what is wanted. Raises QueryRejected with every problem."""
    known = {"kind": (kinds, WANTABLE), "verdict": (verdicts, VerdictKind)}
    problems = [
        f"{name}: expected {', '.join(map(str, all_of_it))}, was {one[:64]!r}"
        for name, (stated, all_of_it) in known.items()
        for one in stated
        if one not in set(map(str, all_of_it))
    ]
    problems += [
        f"code: {one[:64]!r} is no reason code; GET /controls lists them"
        for one in codes
        if one not in set(ReasonCode)
    ]
    if problems:
        raise QueryRejected(problems)
    return Wanted(
        frozenset(map(LiveKind, kinds)),
        frozenset(strategies),
        frozenset(one.upper() for one in symbols),
        frozenset(verdicts),
        frozenset(codes),
    )
