"""What callers send about shadows, overrides and the neighbours' settings, with its bounds."""

from typing import Annotated, Any, Final

from fastapi import Path, Query
from pydantic import Field

from petrosa_cio.governance.overrides import SHORTEST, USUAL
from petrosa_cio.risk.overrides import LIFTS, LONGEST
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.surfaces.api.asked import MOST_FIELDS, Body, Text, Thought

LONGEST_NAME: Final = 200
DAY_S: Final = 86_400

TARGET: Final = (
    "Whose settings: tradeengine, tradeengine/BTCUSDT, tradeengine/BTCUSDT/LONG, ta-bot, "
    "realtime-strategies/STRATEGY or realtime-strategies/STRATEGY/SYMBOL."
)

TargetName = Annotated[
    Text,
    Query(min_length=1, max_length=LONGEST_NAME, description=TARGET, examples=["tradeengine"]),
]
ShadowNumber = Annotated[int, Path(ge=1, le=2**31, description="Which shadow.", examples=[1])]
OverrideName = Annotated[
    Text,
    Path(
        min_length=8,
        max_length=64,
        description="The override: at least 8 characters of the beginning of its name.",
        examples=["aa9ce2e62f9f"],
    ),
]


class StartingShadow(Body):
    """What is tried, for how long, and why: a document, or fields, and not both."""

    document: dict[str, Any] | None = Field(None, description="A whole policy.", examples=[None])
    fields: list[Text] = Field(
        [],
        max_length=MOST_FIELDS,
        description="Single fields instead, beside the newest revision.",
        examples=[["fund.max_order_notional_usd=500"]],
    )
    runs_s: int = Field(
        DAY_S, ge=60, le=7 * DAY_S, description="Seconds for which it runs.", examples=[DAY_S]
    )
    thought: Thought


class Thinking(Body):
    """Why."""

    thought: Thought


class ProposingOverride(Body):
    """For which order limits are to be lifted, which, for how long, and why."""

    denied: Text = Field(
        min_length=1,
        max_length=1024,
        description="The decision that denied the order, or what the bot called its intent.",
        examples=["i-20261123-0007"],
    )
    lifts: list[ReasonCode] = Field(
        min_length=1,
        max_length=len(LIFTS),
        description=f"Reasons to lift. Only these can be: {', '.join(LIFTS)}.",
        examples=[["NOTIONAL_ABOVE_MAX"]],
    )
    lasts_s: int = Field(
        int(USUAL.total_seconds()),
        ge=int(SHORTEST.total_seconds()),
        le=int(LONGEST.total_seconds()),
        description="Seconds from now in which it can be approved and used, once.",
        examples=[600],
    )
    thought: Thought


class OneTarget(Body):
    """Whose settings."""

    target: Text = Field(
        min_length=1, max_length=LONGEST_NAME, description=TARGET, examples=["tradeengine/BTCUSDT"]
    )


class SettingTarget(OneTarget):
    """Which settings, and why."""

    settings: dict[Text, Any] = Field(
        min_length=1,
        max_length=50,
        description="Values by name; the settings of a target say what each means and may be.",
        examples=[{"leverage": 5}],
    )
    thought: Thought


class RollingBackTarget(OneTarget):
    """Which settings are wanted again, and why."""

    to: Text | None = Field(
        None,
        max_length=LONGEST_NAME,
        description="Version or name of the change whose result is wanted, as its history shows "
        "them; unset, the newest change is undone.",
        examples=["3"],
    )
    thought: Thought
