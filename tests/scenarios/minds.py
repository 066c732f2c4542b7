"""The minds that are compared: nobody, the playbook, and a model that follows a script."""

from decimal import Decimal
from typing import Final

from petrosa_cio.strategist.judgement import MODEL, OVERLAY_MARK, judged
from petrosa_cio.strategist.measures import drawdown_pct
from petrosa_cio.strategist.playbook import play
from petrosa_cio.strategist.playbook_rules import Playbook, read_playbook
from petrosa_cio.strategist.proposal import (
    Answer,
    ExpectedEffect,
    FieldChange,
    Metric,
    NoChange,
    PolicyProposal,
)
from petrosa_cio.strategist.safe_names import SafeNames
from petrosa_cio.strategist.situation import Situation
from tests.scenarios.day import Mind, Wanted

WORRIED_PCT: Final = Decimal("1.5")
ROUGH: Final = "turbulent_illiquidity"
LASTS_MINUTES: Final = 120


def nobody(_: Situation) -> None:
    """Want nothing, ever."""


def scripted_answer(situation: Situation) -> Answer:
    """Answer as a model would that reads one thing at a time: stop when it is rough or falls."""
    fallen, regime = drawdown_pct(situation), situation.regimes["*"].name
    living = [one for one in situation.document.overlays if one.is_active(situation.at)]
    if any(OVERLAY_MARK in one.overlay_id for one in living):
        return NoChange(reason="What was tightened still counts.")
    if regime != ROUGH and (fallen is None or fallen < WORRIED_PCT):
        return NoChange(reason="Neither regime nor drawdown gives a reason.")
    return PolicyProposal(
        changes=(
            FieldChange(path="fund.max_order_notional_usd", value="500"),
            FieldChange(path="fund.max_gross_exposure_usd", value="25000"),
        ),
        lasts_minutes=LASTS_MINUTES,
        thought_trace=(
            f"The market regime is {regime} and the fund is {fallen} % below its peak. Smaller "
            "orders and less exposure for two hours bound what a further fall can cost, and both "
            "end by themselves if it was nothing."
        ),
        expected=ExpectedEffect(
            metric=Metric.GROSS_EXPOSURE_USD,
            comparator="at_most",
            value=Decimal(50_000),
            horizon_hours=2,
        ),
        confidence=Decimal("0.7"),
    )


def _read(situation: Situation, answer: Answer, names: SafeNames, by: str) -> Wanted | None:
    if isinstance(answer, NoChange):
        return None
    found, problems = judged(answer, situation, names, by=by)
    if found is None:
        raise ValueError(f"{by} wants what may not be proposed: {problems}")
    return Wanted(found.document, found.comparison.change, by)


def _names_in(situation: Situation) -> SafeNames:
    portfolio = situation.portfolio
    return SafeNames.of(situation.document, portfolio.results if portfolio else ())


def scripted(situation: Situation) -> Wanted | None:
    """Look as a model that follows the script."""
    return _read(situation, scripted_answer(situation), _names_in(situation), MODEL)


def by_the_playbook(playbook: Playbook) -> Mind:
    """Return the mind that follows a playbook."""

    def look(situation: Situation) -> Wanted | None:
        names = _names_in(situation)
        played = play(playbook, situation, names)
        return _read(situation, played.answer, names, played.rule or "")

    return look


NOBODY: Final = "nobody"
PLAYBOOK: Final = "playbook"
SCRIPT: Final = "scripted model"
MINDS: Final[dict[str, Mind]] = {
    NOBODY: nobody,
    PLAYBOOK: by_the_playbook(read_playbook(None)),
    SCRIPT: scripted,
}
