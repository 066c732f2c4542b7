"""Arguments of tools, where the bodies of the HTTP API are not already what they take."""

from typing import Any

from pydantic import Field

from petrosa_cio.audit.search import USUAL_PAGE
from petrosa_cio.fleet.analysis import Subject
from petrosa_cio.fleet.regime_names import NAMES
from petrosa_cio.office.drafts import LONGEST_OVERLAY, SHORTEST_OVERLAY
from petrosa_cio.surfaces.api.asked import (
    FIRST_YEAR,
    LAST_YEAR,
    MOST_FIELDS,
    Body,
    ClearBody,
    DecisionName,
    Limit,
    OverrideBody,
    ProposalName,
    ReasonBody,
    Revision,
    RollbackBody,
    StrategyName,
    SymbolName,
    SymbolOrAny,
    Text,
    Thought,
)

LONGEST_NAME = 200


class Nothing(Body):
    """No arguments."""


class Which(Body):
    """Which revision."""

    revision: Revision | None = Field(None, description="Its number; unset, the newest.")


class Comparing(Body):
    """Two revisions."""

    old: Revision = Field(description="A revision.", examples=[1])
    new: Revision = Field(description="Another one.", examples=[2])


class History(Body):
    """A page of revisions."""

    limit: Limit = 20
    cursor: Text | None = Field(
        None, pattern=r"^[1-9][0-9]{0,14}$", description="Where the page before ended."
    )


class Newest(Body):
    """How many of the newest."""

    limit: Limit = 20


class OneProposal(Body):
    """A proposal."""

    proposal: ProposalName


class Step(ReasonBody):
    """A proposal, and why."""

    proposal: ProposalName


class Rollback(RollbackBody):
    """Which earlier version is wanted again, and why."""


class Narrowing(Body):
    """What is to be tighter, for how long, and why."""

    fields: list[Text] = Field(
        min_length=1,
        max_length=MOST_FIELDS,
        description="Single fields, such as fund.max_order_notional_usd=500; each must tighten.",
        examples=[["fund.max_order_notional_usd=500"]],
    )
    lasts_s: int | None = Field(
        None,
        ge=int(SHORTEST_OVERLAY.total_seconds()),
        le=int(LONGEST_OVERLAY.total_seconds()),
        description="Seconds for which they count, in an overlay; unset, for good.",
        examples=[7200],
    )
    thought: Thought


class SettingRegime(OverrideBody):
    """A symbol, and what its market regime is."""

    symbol: SymbolOrAny
    regime: Text = Field(
        min_length=1,
        max_length=64,
        description="One that the policy states, or one of " + ", ".join(sorted(NAMES)) + ".",
        examples=["turbulent_illiquidity"],
    )


class ClearingRegime(ClearBody):
    """A symbol, and why its override ends."""

    symbol: SymbolOrAny


class Whose(Body):
    """For whom limits are shown."""

    strategy: StrategyName | None = Field(None, description="This strategy; unset, any.")
    symbol: SymbolName | None = Field(None, description="This symbol; unset, any.")


class Searching(Body):
    """What is searched for in verdicts."""

    strategy: StrategyName | None = Field(None, description="A strategy, as it names itself.")
    symbol: SymbolName | None = Field(None, description="A symbol.")
    verdict: list[Text] = Field([], max_length=3, description="approve, reduce or deny.")
    code: list[Text] = Field([], max_length=50, description="Reason codes, any of them.")
    since: Text | None = Field(None, description="From this time on, ISO-8601.")
    until: Text | None = Field(None, description="Before this time.")
    limit: Limit = USUAL_PAGE
    cursor: Text | None = Field(
        None, max_length=LONGEST_NAME, description="Where the page before ended; same search."
    )


class SearchingRecords(Searching):
    """What is searched for in the record."""

    kind: list[Text] = Field([], max_length=50, description="Kinds, as verdict or change.")
    trace: Text | None = Field(None, description="A trace, 32 hexadecimal digits.")
    intent: Text | None = Field(None, description="What the bot called its intent.")
    decision: Text | None = Field(None, description="A decision.")


class Explaining(Body):
    """Which verdict."""

    decision: DecisionName


class Hours(Body):
    """How far back."""

    hours: float = Field(24, gt=0, le=8784, description="Findings of so many hours back.")


class Year(Body):
    """Which year."""

    year: int | None = Field(
        None, ge=FIRST_YEAR, le=LAST_YEAR, description="A calendar year, UTC; unset, this one."
    )


class StartingShadow(Body):
    """What is tried, for how long, and why: a document, or fields, and not both."""

    document: dict[str, Any] | None = Field(None, description="A whole policy.")
    fields: list[Text] = Field(
        [], max_length=MOST_FIELDS, description="Single fields instead, beside the newest revision."
    )
    runs_s: int = Field(86_400, ge=60, le=604_800, description="Seconds for which it runs.")
    thought: Thought


class WhichShadow(Body):
    """Which shadow."""

    number: int | None = Field(None, ge=1, le=2**31, description="Unset, the newest.")
    flips: int = Field(20, ge=0, le=200, description="Flips to show one by one, the newest.")


class Thinking(Body):
    """Why."""

    thought: Thought


TARGET = (
    "Whose settings: tradeengine, tradeengine/BTCUSDT, tradeengine/BTCUSDT/LONG, ta-bot, "
    "realtime-strategies/STRATEGY or realtime-strategies/STRATEGY/SYMBOL."
)


class OneTarget(Body):
    """Whose settings."""

    target: Text = Field(min_length=1, max_length=LONGEST_NAME, description=TARGET)


class TargetHistory(OneTarget):
    """Whose history."""

    limit: int = Field(20, ge=1, le=100, description="Most changes that are returned.")


class SettingTarget(OneTarget):
    """Which settings, and why."""

    settings: dict[Text, Any] = Field(
        min_length=1,
        max_length=50,
        description="Values by name; fleet_get says what each means and may be.",
        examples=[{"leverage": 5}],
    )
    thought: Thought


class RollingBackTarget(OneTarget):
    """Which settings are wanted again, and why."""

    to: Text | None = Field(
        None,
        max_length=LONGEST_NAME,
        description="Version or name of the change whose result is wanted, as fleet_history "
        "shows them; unset, the newest change is undone.",
    )
    thought: Thought


class Analysing(Body):
    """What the data-manager is asked."""

    subject: Subject = Field(description="Which analysis is wanted.")
    about: Text = Field(
        min_length=1,
        max_length=LONGEST_NAME,
        description="A symbol; several with commas for correlation and market-overview; a "
        "strategy for performance.",
    )
