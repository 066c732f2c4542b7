"""What callers send: bodies and the values of queries, with their bounds."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from petrosa_cio.governance.actors import Role
from petrosa_cio.governance.thought import LONGEST, SHORTEST
from petrosa_cio.office.drafts import LONGEST_OVERLAY, SHORTEST_OVERLAY

MOST_REVISIONS: Final = 2**53
MOST_FIELDS: Final = 100
LONGEST_REASON: Final = 2_000
FIRST_YEAR: Final = 2020
LAST_YEAR: Final = 9998
EXAMPLE_THOUGHT: Final = (
    "The order book of this symbol has been thin since the morning, spreads doubled within an "
    "hour, and the losses of the last ten trades came from slippage alone."
)


def _readable(text: str) -> str:
    """Return text that every store takes. Raises ValueError for half of a sign."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("expected text, was half of a sign")
    return text


def _aware(moment: datetime) -> datetime:
    """Return a moment in UTC. Raises ValueError for one that no calendar reaches."""
    try:
        return _in_utc(moment)
    except OverflowError as error:
        raise ValueError("expected a time that the calendar reaches") from error


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Text = Annotated[str, AfterValidator(_readable)]
Moment = Annotated[datetime, AfterValidator(_aware)]
Reason = Annotated[
    Text,
    Field(
        min_length=1,
        max_length=LONGEST_REASON,
        description="Why; it is recorded.",
        examples=["exchange unreachable"],
    ),
]
Thought = Annotated[
    Text,
    Field(
        min_length=SHORTEST,
        max_length=LONGEST,
        description="Why, in at least 100 characters of text, of at least ten different words; it "
        "is recorded with the change.",
        examples=[EXAMPLE_THOUGHT],
    ),
]
Revision = Annotated[int, Field(ge=1, le=MOST_REVISIONS)]
StrategyName = Annotated[Text, Field(min_length=1, max_length=1024)]
SymbolName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{3,32}$")]

RevisionNumber = Annotated[
    Revision, Path(description="The number of a revision.", examples=[1], alias="number")
]
ProposalName = Annotated[
    Text,
    Path(
        min_length=8,
        max_length=64,
        description="The proposal: at least 8 characters of the beginning of its name.",
        examples=["aa9ce2e62f9f"],
    ),
]
SymbolOrAny = Annotated[
    str,
    Path(
        pattern=r"^([A-Za-z0-9]{3,32}|\*)$",
        description="A symbol, or * for every one that nobody has set one for.",
        examples=["BTCUSDT"],
    ),
]
DecisionName = Annotated[
    Text,
    Path(
        min_length=1,
        max_length=1024,
        description="A decision, or what the bot called its intent.",
        examples=["i-20261123-0007"],
    ),
]
TokenName = Annotated[
    Text,
    Path(min_length=1, max_length=64, description="A token by its short name.",
         examples=["3db2f32b2d835b84"]),
]  # fmt: skip
Limit = Annotated[int, Query(ge=1, le=200, description="Most that are returned.")]


class Body(BaseModel):
    """A body: what is misspelt is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DraftBody(Body):
    """What is wanted of the policy: a document, or fields, and not both."""

    document: dict[str, Any] | None = Field(
        None,
        description="A whole policy, or `policy` with `overlays`, as docs/POLICY.md has it. "
        "Numbers as text keep every digit.",
        examples=[None],
    )
    fields: list[Text] = Field(
        [],
        max_length=MOST_FIELDS,
        description="Single fields instead, beside the revision that is newest; nothing behind "
        "the = takes a field away.",
        examples=[["fund.max_order_notional_usd=500"]],
    )
    lasts_s: int | None = Field(
        None,
        ge=int(SHORTEST_OVERLAY.total_seconds()),
        le=int(LONGEST_OVERLAY.total_seconds()),
        description="Seconds for which fields count: they become an overlay, which ends by itself.",
        examples=[7200],
    )


WhatIfSpan = Annotated[
    int | None,
    Field(
        ge=60,
        le=604_800,
        description="What waits for approval is first decided again on so many seconds of the "
        "past, for those who approve; null leaves that out. It takes a minute at most.",
        examples=[86_400],
    ),
]


class ProposalBody(DraftBody):
    """A change of policy, and why."""

    thought: Thought
    what_if_s: WhatIfSpan = 86_400
    parent: Revision | None = Field(
        None,
        description="The revision that it was made from: another one in force is a conflict. "
        "Unset, the newest; state it with a document.",
        examples=[3],
    )


class WhatIfBody(DraftBody):
    """A draft, and the span of time in which it is tried. Without a draft nothing should flip."""

    since: Moment = Field(description="From this time on.", examples=["2026-11-23T08:00:00Z"])
    until: Moment = Field(description="Before this time.", examples=["2026-11-23T09:00:00Z"])


class RollbackBody(Body):
    """Which earlier policy is wanted again, and why."""

    to: Revision | None = Field(
        None,
        description="The revision whose content is wanted; unset, the last known good one.",
        examples=[2],
    )
    thought: Thought
    tighter: bool = Field(
        False, description="Take over only what is tighter there; that is in force at once."
    )
    what_if_s: WhatIfSpan = 86_400


class ReasonBody(Body):
    """Why."""

    reason: Reason


class SwitchBody(Body):
    """What is to be switched, and why: the fund, unless a strategy or a symbol is named."""

    strategy: StrategyName | None = Field(
        None, description="Only this strategy.", examples=["momentum_v1"]
    )
    symbol: SymbolName | None = Field(None, description="Only this symbol.", examples=[None])
    reason: Reason


class OverrideBody(Body):
    """What the market regime is, by a person's word."""

    regime: Text = Field(
        min_length=1,
        max_length=64,
        description="The regime: one that the policy states, or a known one.",
        examples=["turbulent_illiquidity"],
    )
    lasts_s: int = Field(
        14_400, ge=60, le=604_800, description="Seconds for which it counts, at most seven days."
    )
    confidence: Decimal = Field(
        Decimal(1), ge=0, le=1, max_digits=19, description="How sure.", examples=["1"]
    )
    reason: Reason
    thought: Thought


class ClearBody(Body):
    """Why a regime ends."""

    reason: Reason
    observed: bool = Field(
        False, description="Forget what the feed said instead, as where it is no more."
    )


class TokenBody(Body):
    """Whose a token is to be."""

    name: Text = Field(
        min_length=1,
        max_length=64,
        description="Whose it is: letters, digits and . _ @ -; one name a person.",
        examples=["bob"],
    )
    role: Role = Field(description="What they are trusted with.", examples=["operator"])
    expires_at: Moment | None = Field(
        None, description="From when on it does not count; unset, it counts for ever."
    )
