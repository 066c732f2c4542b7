"""What is answered of shadows: policies that are tried beside the one in force."""

from datetime import datetime

from pydantic import Field

from petrosa_cio.surfaces.api.told import Answer, ComparisonAnswer, OutcomeAnswer
from petrosa_cio.surfaces.api.told_records import FlipsAnswer

RECORDED = "Whether it is in the record too; it stands all the same."


class ShadowRow(Answer):
    """A shadow."""

    shadow: int = Field(description="Its number.", examples=[3])
    shadow_id: str = Field(description="Its name: SHA-256 of all of it.")
    parent: int = Field(description="The revision that it was made from.", examples=[2])
    author: str = Field(description="Who started it.", examples=["ann"])
    role: str = Field(description="What they were trusted with.", examples=["risk_officer"])
    at: datetime = Field(description="From when on it looks.")
    ends_at: datetime = Field(description="When it ends by itself.")
    thought: str = Field(description="Why.")


class StartedShadow(ShadowRow, ComparisonAnswer):
    """A shadow that was started, and what it would change."""

    findings: list[str] = Field(description="What else is to be said about its policy.")
    is_recorded: bool = Field(description=RECORDED)


class SeenShadow(ShadowRow):
    """A shadow, where it stands, and what it found so far."""

    stage: str = Field(description="Where it stands.", examples=["running"])
    ended_at: datetime | None = Field(description="When somebody ended it.")
    ended_by: str | None = Field(description="Who.")
    became: str | None = Field(description="What became of its policy, where it was promoted.")
    trouble: str | None = Field(description="Why its policy cannot be decided with, if so.")
    behind_records: int = Field(description="Records that it has not looked at yet.", examples=[0])
    looked_until: datetime | None = Field(description="Until when it has looked.")
    is_complete: bool = Field(description="Whether nothing comes after that.")
    errors: dict[str, int] = Field(description="What went wrong with it, by what.")
    report: FlipsAnswer = Field(description="Which verdicts would have been others.")


class EndedShadow(ShadowRow):
    """A shadow that was ended."""

    stage: str = Field(description="How.", examples=["dropped"])
    is_recorded: bool = Field(description=RECORDED)


class PromotedShadow(OutcomeAnswer):
    """What became of the policy of a shadow that is over now."""

    shadow: int = Field(description="The shadow.", examples=[3])
