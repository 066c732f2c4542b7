"""What is answered of the record as a whole: how complete it is, what limits did, what would be."""

from datetime import datetime
from typing import Any

from pydantic import Field

from petrosa_cio.surfaces.api.told import Answer


class GapsAnswer(Answer):
    """How complete the record is."""

    status: str = Field(description="`clean`, `gaps` or `not_checked`.", examples=["clean"])
    not_checked: str | None = Field(description="Why nothing can be said, if so.")
    gaps: int = Field(description="Open findings that are gaps.", examples=[0])
    open: dict[str, int] = Field(description="Findings that are not over, by kind.")
    since: datetime = Field(description="When the oldest of them may have been found.")
    examples: dict[str, list[dict[str, Any]]] = Field(description="Some of each kind.")
    checked_until: datetime | None = Field(description="Until when everything is compared.")
    counted_since: datetime | None = Field(description="From when on it is counted.")
    counts: dict[str, int] | None = Field(description="Messages by how far they came.")
    awaited: int | None = Field(description="Signals of which the order engine says nothing yet.")


class AlertRow(Answer):
    """Something that somebody should look at."""

    kind: str = Field(
        description="What it is: a kind of finding about the record, or `policy_guard`.",
        examples=["policy_guard"],
    )
    decision_id: str | None = Field(description="The decision, where there is one.")
    at: datetime = Field(description="When it happened.")
    found_at: datetime = Field(description="When it was found.")
    meaning: str = Field(description="What that means.")
    detail: dict[str, Any] = Field(
        description="What else is known; of the guard `revision`, `outcome`, `why` and `then`."
    )


class CheckpointAnswer(Answer):
    """The signed end of the chain of records. The signature is no secret: it is to be kept."""

    chain: str = Field(description="The fund whose chain it is.", examples=["main"])
    seq: int = Field(description="Position of its last record.", examples=[1042])
    hash: str = Field(description="Hash of that record, hexadecimal, and so of all before it.")
    at: datetime = Field(description="When it was signed.")
    key_id: str = Field(description="Which key signed it.", examples=["3db2f32b2d835b84"])
    signature: str = Field(description="The ed25519 signature, base64.")


class ExportAnswer(Answer):
    """A portion of the record as rows."""

    rows: list[dict[str, Any]] = Field(description="Records, with the columns of exports by name.")
    until: int = Field(description="The last position that was looked at: the next begins after.")
    last: int = Field(description="The last position of the record.")


class LimitMeaning(Answer):
    """What a limit means."""

    name: str = Field(description="Its field.", examples=["max_order_notional_usd"])
    description: str = Field(description="What it limits.")
    unit: str = Field(description="Its unit.", examples=["USD"])
    bounds: dict[str, Any] = Field(description="What it may be, as JSON schema.")
    impact: str = Field(description="What it does.")
    codes: list[str] = Field(description="Reason codes that it leads to.")
    when_to_change: str = Field(description="When people change it.")
    how_they_meet: str = Field(description="What counts where several entries state it.")
    unstated: str = Field(description="What counts where nobody states it.")
    may_stand_in: list[str] = Field(description="Families of entries that may state it.")
    example: str = Field(description="A value, as it is written.")


class EffectivenessAnswer(Answer):
    """What each limit did in a span of time."""

    fund: str = Field(description="The fund.", examples=["main"])
    since: datetime = Field(description="Beginning of the span.")
    until: datetime = Field(description="Its end.")
    last_position: int = Field(description="The last position of the chain that was known.")
    verdicts: dict[str, dict[str, int]] = Field(
        description="Verdicts by what was asked for (`openings`, `exits`, `others`) and kind."
    )
    observed_only: int = Field(description="Verdicts that were not enforced.")
    befell_approvals: dict[str, int] = Field(description="Approvals that came to nothing, by how.")
    limits: list[dict[str, Any]] = Field(
        description="Each limit with each of its values: who set it, why, and what it stopped."
    )
    never_bit: list[str] = Field(description="Limits that stopped nothing.")
    reasons: dict[str, dict[str, Any]] = Field(description="What was objected to, by reason code.")
    changes: list[dict[str, Any]] = Field(description="Changes of what governs in the span.")


class FlipsAnswer(Answer):
    """Verdicts that would have been others under a candidate policy."""

    first: datetime | None = Field(description="The earliest decision; null without any.")
    last: datetime | None = Field(description="The latest.")
    decided: int = Field(description="Verdicts that were decided again.", examples=[120])
    flipped: int = Field(description="Those that would have been others.", examples=[3])
    verdicts: dict[str, dict[str, int]] = Field(description="By kind, as it was and as it would be")
    by_kind: dict[str, int] = Field(description="Flips by how they change.")
    by_code: dict[str, dict[str, int]] = Field(description="Flips by reason code.")
    by_strategy: dict[str, dict[str, int]] = Field(description="Flips by strategy.")
    by_symbol: dict[str, dict[str, int]] = Field(description="Flips by symbol.")
    by_revision: dict[str, dict[str, int]] = Field(description="Flips by revision.")
    flips: list[dict[str, Any]] = Field(description="Flips one by one.")
    other_reasons: int = Field(description="Verdicts that stay, but for other reasons.")
    other_versions: int = Field(description="Verdicts that another version of the program gave.")
    undecidable: dict[str, int] = Field(description="Those that could not be decided, by why.")


class WhatIfAnswer(FlipsAnswer):
    """A span of the past under a candidate policy."""

    highest_usd: dict[str, dict[str, str]] = Field(
        description="Highest exposure by counter, as it was and as it would be, USD."
    )
    most_approvals_per_minute: Any = Field(description="Alike.")
    profile: list[dict[str, Any]] = Field(description="Exposure over time.")
