"""What the fleet's own dashboard and tools are answered, in the fields that they know."""

from datetime import date, datetime

from pydantic import Field

from petrosa_cio.surfaces.api.told import Answer


class DecisionShown(Answer):
    """A verdict as the dashboard shows it."""

    decision_id: str = Field(description="The decision.")
    strategy_id: str = Field(description="The strategy; empty where the message names none.")
    action: str = Field(
        description="`execute`, `down_weight` or `veto`; `skip` where it was only observed.",
        examples=["veto"],
    )
    reasoning_trace: str = Field(description="What was asked for, and every reason, a line each.")
    confidence: float | None = Field(description="What the bot stated; null where it did not.")
    timestamp: datetime = Field(description="When it was decided.")
    verdict: str = Field(description="`approve`, `reduce` or `deny`.", examples=["deny"])
    symbol: str | None = Field(description="The symbol.", examples=["BTCUSDT"])


class DecisionsShown(Answer):
    """The newest verdicts of a span of time."""

    window: str = Field(description="How far back.", examples=["24h"])
    strategy_id: str | None = Field(description="Only of this strategy.")
    decisions: list[DecisionShown] = Field(description="At most 200, the newest first.")
    is_all: bool = Field(description="Whether there are no more.")


class SpendBucket(Answer):
    """What one kind of decision cost."""

    decision_type: str = Field(description="The kind.")
    cost_usd: float = Field(description="USD.")
    input_tokens: int = Field(description="Tokens that were sent.")
    output_tokens: int = Field(description="Tokens that came back.")
    call_count: int = Field(description="Calls.")


class SpendShown(Answer):
    """What language models cost today."""

    period_date: date = Field(description="The day, UTC.")
    ceiling_usd_per_day: float = Field(description="What may be spent in a day, USD.")
    total_cost_usd: float = Field(description="What was, USD.")
    projected_daily_usd: float = Field(description="What it comes to by the end of the day, USD.")
    ceiling_breached: bool = Field(description="Whether that is too much.")
    distance_to_ceiling_usd: float = Field(description="What is left, USD.")
    buckets: list[SpendBucket] = Field(description="By kind of decision.")
    note: str = Field(description="Why it is so.")


class SubsystemShown(Answer):
    """How a part is."""

    subsystem: str = Field(description="`gate` or `record`.", examples=["gate"])
    verdict: str = Field(
        description="`healthy`, `degraded`, `unhealthy` or `unknown`.", examples=["healthy"]
    )
    last_tick_at: datetime = Field(description="Of when that is.")
    evidence: str = Field(description="Why, in its own words.")


class SubsystemsShown(Answer):
    """How the parts are."""

    subsystems: list[SubsystemShown] = Field(description="Each of them.")


class HeldRow(Answer):
    """What was asked for, held against one limit."""

    limit: str = Field(description="The limit.", examples=["max_position_usd"])
    unit: str = Field(description="Its unit.", examples=["USD"])
    wanted: str = Field(description="What was asked for.", examples=["5000"])
    allowed: str | None = Field(description="What is in force; null where nobody states it.")
    entry: str | None = Field(description="The entry that binds.", examples=["fund"])
    fits: bool = Field(description="Whether the limit lets that pass.")


class Registered(Answer):
    """A request that was recorded, and what is allowed. It changed nothing of that."""

    strategy_id: str = Field(description="The strategy.", examples=["momentum_v1"])
    strategy_revision_id: str | None = Field(description="Which version of it.")
    registered_by: str = Field(description="By whose token.", examples=["ann"])
    fits: bool = Field(
        description="Whether nothing in force now, for symbols without entries of their own, "
        "stands against what was asked for."
    )
    limits: list[HeldRow] = Field(description="What was asked for, limit by limit.")
    missing_limits: list[str] = Field(
        description="Limits that the charter requires and nobody states: openings are denied."
    )
    policy_revision: int | None = Field(description="The revision in force; null: none is.")
    fund_state: str = Field(description="The trading state of the fund.", examples=["active"])
    strategy_state: str | None = Field(description="That of the strategy, where it has its own.")
    meaning: str = Field(description="What that comes to.")
