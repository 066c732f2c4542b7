"""What is answered of the neighbours' settings. Exact numbers are text."""

from datetime import datetime
from typing import Any

from pydantic import Field

from petrosa_cio.surfaces.api.told import Answer, ApprovalNeeded


class OfferRow(Answer):
    """Something that has settings."""

    target: str = Field(description="Whose they are.", examples=["tradeengine/BTCUSDT"])
    title: str = Field(description="What it is.")
    settings: list[str] = Field(description="Names of its settings.", examples=[["leverage"]])
    unknown: list[str] = Field(description="Those of which nothing is known here.")


class NeighbourRow(Answer):
    """What can be set at a neighbour."""

    neighbour: str = Field(description="Which one.", examples=["tradeengine"])
    problem: str | None = Field(description="Why that is not known, if so.")
    offers: list[OfferRow] = Field(description="What has settings there.")


class SettingFactsAnswer(Answer):
    """What is known of a setting."""

    kind: str = Field(description="What a value is.", examples=["a whole number"])
    unit: str = Field(description="Its unit.", examples=["times"])
    meaning: str = Field(description="What it is for.")
    direction: str = Field(
        description="Which way of changing it risks more.", examples=["higher risks more"]
    )
    reach: str = Field(description="What a stored value reaches.", examples=["acted on"])
    default: Any = Field(description="What counts unless it is set.")
    least: Any = Field(description="Smallest value; null without one.")
    most: Any = Field(description="Largest value, alike.")
    among: list[str] = Field(description="The only values that it may have; empty for any.")
    when_to_change: str = Field(description="When people change it.")


class SettingValue(Answer):
    """A setting as the neighbour shows it."""

    value: Any = Field(description="What it is.", examples=[10])
    facts: SettingFactsAnswer | None = Field(description="What is known of it.")


class SettingsAnswer(Answer):
    """The settings of a target."""

    target: str = Field(description="Whose.", examples=["tradeengine/BTCUSDT"])
    source: str = Field(description="Where the neighbour says that they come from.")
    version: int | None = Field(description="The version that it states, if any.")
    notes: list[str] = Field(description="What is to be known about them.")
    settings: dict[str, SettingValue] = Field(description="By name.")


class PastSettings(Answer):
    """One change, as the neighbour remembers it."""

    change_id: str = Field(description="Its own name for it; empty where it has none.")
    version: int | None = Field(description="The version that it made.")
    action: str = Field(description="What was done, as it says.")
    before: dict[str, Any] | None = Field(description="The settings before; null where unknown.")
    after: dict[str, Any] | None = Field(description="The settings after, alike.")
    changed_by: str = Field(description="Who changed them, as they named themselves.")
    reason: str = Field(description="Why, as they said.")
    at: str = Field(description="When, as it says.")


class JudgedRow(Answer):
    """What a change would do to one setting."""

    name: str = Field(description="The setting.", examples=["leverage"])
    old: Any = Field(description="What it is.")
    new: Any = Field(description="What it would be.")
    change: str = Field(description="What that does to what is risked.", examples=["tighter"])


class SentAnswer(Answer):
    """What a change that was sent achieved."""

    change_id: str = Field(description="Its identity in the record.")
    target: str = Field(description="Whose settings.", examples=["tradeengine/BTCUSDT"])
    effect: str = Field(
        description="`applied`, `stored_unread`, `not_seen`, `refused`, `not_sent` or `unknown`.",
        examples=["applied"],
    )
    meaning: str = Field(description="What that means.")
    asked: dict[str, Any] = Field(description="What was asked for.")
    seen: dict[str, Any] | None = Field(description="What the neighbour shows of it afterwards.")
    why: list[str] = Field(description="What led to the effect.")
    retry_after_s: int | None = Field(description="Seconds after which it may be tried again.")
    unrecorded: str | None = Field(description="Why the outcome could not be recorded, if so.")


class AppliedAnswer(SentAnswer):
    """What an approved change achieved."""

    achieved: bool = Field(
        description="Whether the neighbour shows the new values and acts on them."
    )


class SettingsOutcome(Answer):
    """What became of a change that somebody asked for."""

    change: str = Field(description="All in all.", examples=["tighter"])
    settings: list[JudgedRow] = Field(description="What it would change, setting by setting.")
    report: SentAnswer | None = Field(description="What it achieved; null where it waits.")
    proposal: str | None = Field(description="The proposal that waits; null where it was sent.")
    unrecorded: str | None = Field(description="Why the proposal could not be recorded, if so.")
    needs: ApprovalNeeded | None = Field(description="What it waits for.")
    achieved: bool = Field(
        description="Whether the neighbour shows the new values and acts on them."
    )


class WaitingRow(Answer):
    """A change of a neighbour's settings that waits, or waited, for people."""

    proposal: str = Field(description="Its name: SHA-256 of all of it.")
    target: str = Field(description="Whose settings.", examples=["tradeengine/BTCUSDT"])
    settings: dict[str, Any] = Field(description="What they are to be.")
    before: dict[str, Any] = Field(description="What the neighbour showed of them.")
    author: str = Field(description="Who wants it.", examples=["ann"])
    role: str = Field(description="What they were trusted with.", examples=["risk_officer"])
    thought: str = Field(description="Why.")
    stage: str = Field(description="Where it stands.", examples=["open"])
    behind: list[str] = Field(description="Who stands behind it.", examples=[["ann"]])
    expires_at: datetime = Field(description="Until when it can be approved and sent.")


class AnalysisAnswer(Answer):
    """What the data-manager says."""

    subject: str = Field(description="Of what.", examples=["regime"])
    about: str = Field(description="Of whom.", examples=["BTCUSDT"])
    values: Any = Field(description="What it says; null where it knows nothing.")
    at: datetime | None = Field(description="When that was; null where it says nothing of it.")
    notes: list[str] = Field(description="What is to be known about it.")
