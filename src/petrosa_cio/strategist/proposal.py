"""What the Strategist may say, whoever of it thinks: a change of policy, or that none is needed.

The descriptions are read by models; bounds are checked here, meaning in `judgement`.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from petrosa_cio.governance.thought import LONGEST, SHORTEST

MOST_CHANGES = 40
LONGEST_VALUE = 2_000
_STRICT = ConfigDict(extra="forbid", frozen=True)


class Metric(StrEnum):
    """A number that the record or the portfolio tells later."""

    DENIAL_SHARE_PCT = "denial_share_pct"
    APPROVALS = "approvals"
    GROSS_EXPOSURE_USD = "gross_exposure_usd"
    DRAWDOWN_PCT = "drawdown_pct"
    EQUITY_CHANGE_PCT = "equity_change_pct"


class FieldChange(BaseModel):
    """One field of the policy, and what it is to be."""

    model_config = _STRICT

    path: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(
        description="Such as fund.max_order_notional_usd, strategies.S1.min_confidence, or "
        "overlays.O1 to end an overlay. Strategies and overlays by their safe names."
    )
    value: Annotated[str, StringConstraints(max_length=LONGEST_VALUE)] | None = Field(
        description="The new value as text; null takes the field away."
    )


class ExpectedEffect(BaseModel):
    """What is expected of a change, as a number that can be looked up later."""

    model_config = _STRICT

    metric: Metric
    comparator: Literal["at_most", "at_least"]
    value: Decimal = Field(allow_inf_nan=False, description="The number expected.")
    horizon_hours: int = Field(ge=1, le=168, description="Hours after which it is looked up.")


class PolicyProposal(BaseModel):
    """A change of policy, and why."""

    model_config = _STRICT

    kind: Literal["proposal"] = "proposal"
    changes: tuple[FieldChange, ...] = Field(min_length=1, max_length=MOST_CHANGES)
    lasts_minutes: int | None = Field(
        ge=1,
        le=7 * 24 * 60,
        description="The change ends by itself after so long; null: it stays until it is changed. "
        "Only what tightens can end by itself.",
    )
    thought_trace: str = Field(
        max_length=LONGEST,
        description=f"Why, with the numbers that led to it; at least {SHORTEST} characters.",
    )
    expected: ExpectedEffect
    confidence: Decimal = Field(ge=0, le=1, allow_inf_nan=False)


class NoChange(BaseModel):
    """No change is needed, and why."""

    model_config = _STRICT

    kind: Literal["no_change"] = "no_change"
    reason: Annotated[str, StringConstraints(min_length=1, max_length=2_000)]


Answer = PolicyProposal | NoChange
"""What somebody who thought may say."""

ANSWERS: TypeAdapter[Answer] = TypeAdapter(
    Annotated[PolicyProposal | NoChange, Field(discriminator="kind")]
)
"""Reads an answer."""
