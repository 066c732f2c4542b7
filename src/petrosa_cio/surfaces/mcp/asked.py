"""Arguments of tools, where the bodies of the HTTP API are not already what they take."""

from pydantic import Field

from petrosa_cio.audit.search import USUAL_PAGE
from petrosa_cio.fleet.analysis import Subject
from petrosa_cio.fleet.regime_names import NAMES
from petrosa_cio.office.drafts import LONGEST_OVERLAY, SHORTEST_OVERLAY
from petrosa_cio.surfaces.api.asked import (
    FIRST_YEAR,
    LAST_YEAR,
    MOST_FIELDS,
    MOST_REVISIONS,
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
from petrosa_cio.surfaces.api.asked_changes import LONGEST_NAME, OneTarget, OverrideName


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


class OneOverrideOf(Body):
    """An override."""

    override: OverrideName


class OverrideStep(ReasonBody):
    """An override, and why."""

    override: OverrideName


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


class Hours(Body):
    """How far back."""

    hours: float = Field(24, gt=0, le=8784, description="Findings of so many hours back.")


class Matching(Body):
    """Which verdicts."""

    strategy: StrategyName | None = Field(None, description="A strategy, as it names itself.")
    symbol: SymbolName | None = Field(None, description="A symbol.")
    verdict: list[Text] = Field([], max_length=3, description="approve, reduce or deny.")
    code: list[Text] = Field([], max_length=50, description="Reason codes, any of them.")
    since: Text | None = Field(None, description="From this time on, ISO-8601.")
    until: Text | None = Field(None, description="Before this time.")


class MatchingRecords(Matching):
    """Which records."""

    kind: list[Text] = Field([], max_length=50, description="Kinds, as verdict or change.")
    trace: Text | None = Field(None, description="A trace, 32 hexadecimal digits.")
    intent: Text | None = Field(None, description="What the bot called its intent.")
    decision: Text | None = Field(None, description="A decision.")


class Paged(Body):
    """A page of what was found."""

    limit: Limit = USUAL_PAGE
    cursor: Text | None = Field(
        None, max_length=LONGEST_NAME, description="Where the page before ended; same search."
    )


class Searching(Matching, Paged):
    """What is searched for in verdicts."""


class SearchingRecords(MatchingRecords, Paged):
    """What is searched for in the record."""


class Exporting(MatchingRecords):
    """Which part of the record is wanted, in the order of the chain."""

    after: int = Field(0, ge=0, le=MOST_REVISIONS, description="Begin beyond this position.")
    positions: int = Field(
        100, ge=1, le=500, description="Positions of the chain to look at; ask again for more."
    )


class Alerts(Hours):
    """Which alerts, and how far back."""

    kind: list[Text] = Field(
        [], max_length=20, description="Kinds, such as policy_guard; empty, all of them."
    )
    limit: int = Field(20, ge=1, le=50, description="Most of each kind.")


class Explaining(Body):
    """Which verdict."""

    decision: DecisionName


class Year(Body):
    """Which year."""

    year: int | None = Field(
        None, ge=FIRST_YEAR, le=LAST_YEAR, description="A calendar year, UTC; unset, this one."
    )


class WhichShadow(Body):
    """Which shadow."""

    number: int | None = Field(None, ge=1, le=2**31, description="Unset, the newest.")
    flips: int = Field(20, ge=0, le=200, description="Flips to show one by one, the newest.")


class TargetHistory(OneTarget):
    """Whose history."""

    limit: int = Field(20, ge=1, le=100, description="Most changes that are returned.")


class Analysing(Body):
    """What the data-manager is asked."""

    subject: Subject = Field(description="Which analysis is wanted.")
    about: Text = Field(
        min_length=1,
        max_length=LONGEST_NAME,
        description="A symbol; several with commas for correlation and market-overview; a "
        "strategy for performance.",
    )
