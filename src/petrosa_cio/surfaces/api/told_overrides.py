"""What is answered of overrides: limits that people lift for one order."""

from datetime import datetime

from pydantic import Field

from petrosa_cio.surfaces.api.told import Answer, StepRow


class OverrideRow(Answer):
    """An override for one order, and where it stands."""

    override: str = Field(description="Its name: SHA-256 of all of it.")
    stage: str = Field(description="Where it stands: `open`, `approved`, `used` and so on.")
    used_by: str | None = Field(description="The decision that used it, if one did lately.")
    decision_id: str = Field(description="The decision that denied the order.")
    order: dict[str, str] = Field(description="The order: every field that counts, as text.")
    lifts: list[str] = Field(
        description="Reasons that it lifts, each as far as the charter's own bound.",
        examples=[["NOTIONAL_ABOVE_MAX"]],
    )
    left: list[str] = Field(description="Other reasons of the denial, which stand.")
    author: str = Field(description="Who wants it.", examples=["ann"])
    role: str = Field(description="What they were trusted with.", examples=["risk_officer"])
    at: datetime = Field(description="When it was proposed.")
    expires_at: datetime = Field(description="Until when it can be approved and used.")
    thought: str = Field(description="Why.")
    behind: list[str] = Field(description="Who stands behind it.", examples=[["ann", "bob"]])
    steps: list[StepRow] = Field(description="What people did about it, the oldest first.")


class ProposedOverride(OverrideRow):
    """An override that somebody has just asked for."""

    is_recorded: bool = Field(
        description="Whether it is in the record too; it stands all the same."
    )


class OneOverride(OverrideRow):
    """An override, with the message that it is for."""

    message: str = Field(
        description="The order as the bot sent it. Once the override counts, whoever may publish "
        "intents sends it again whole, with an id of its own."
    )
