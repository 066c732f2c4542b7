"""What came of the days: a table, sentences that judge, and a picture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from petrosa_cio.risk.limit_kinds import Change
from tests.scenarios.day import EQUITY_USD, Outcome
from tests.scenarios.market import Scenario
from tests.scenarios.minds import NOBODY, PLAYBOOK

COLUMNS = (
    "scenario", "mind", "drawdown %", "deepest %", "result %", "changes", "waited", "reacts after",
    "orders",
)  # fmt: skip
COLOURS = ("#777777", "#3b7ea1", "#e6ab02")
SAME = 0.05
"""Percentage points of drawdown that are no difference."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What a mind made of a scenario, over several seeds."""

    scenario: Scenario
    mind: str
    outcomes: Sequence[Outcome]

    @property
    def drawdown_pct(self) -> float:
        """The mean of the drawdowns, percent."""
        return fmean(one.drawdown_pct for one in self.outcomes)

    @property
    def result_pct(self) -> float:
        """The mean of the results, percent."""
        return fmean(one.result_pct for one in self.outcomes)

    @property
    def minutes_to_react(self) -> float | None:
        """The median of the minutes from the shock to the first tightening; None without any."""
        found = [one.reacted_after(self.scenario.shock_at) for one in self.outcomes]
        reacted = [one for one in found if one is not None]
        return median(reacted) if reacted else None

    def changes(self, *, tighter: bool) -> float:
        """Return how often the policy changed on a day, on average."""
        return fmean(
            sum((event.change is Change.TIGHTER) is tighter for event in one.events)
            for one in self.outcomes
        )

    def row(self) -> tuple[str, ...]:
        """Return the cells of the table."""
        minutes = self.minutes_to_react
        return (
            self.scenario.name.replace("_", " "),
            self.mind,
            f"{self.drawdown_pct:.1f}",
            f"{max(one.drawdown_pct for one in self.outcomes):.1f}",
            f"{self.result_pct:+.1f}",
            f"{self.changes(tighter=True):.1f}",
            f"{self.changes(tighter=False):.1f}",
            "-" if minutes is None else f"{minutes:.0f} min",
            f"{fmean(one.approvals for one in self.outcomes):.0f}",
        )


Found = Mapping[tuple[str, str], Compared]
"""By scenario and mind."""


def table(found: Found) -> Iterator[str]:
    """Iterate over the lines of the table, in Markdown."""
    yield "| " + " | ".join(COLUMNS) + " |"
    yield "| --- | --- |" + " --: |" * (len(COLUMNS) - 2)
    for one in found.values():
        yield "| " + " | ".join(one.row()) + " |"


def judgement(found: Found) -> Iterator[str]:
    """Iterate over sentences on what the playbook is good for, and where it is not."""
    for (name, mind), one in found.items():
        if mind != PLAYBOOK:
            continue
        without = found[name, NOBODY]
        less = without.drawdown_pct - one.drawdown_pct
        gained = one.result_pct - without.result_pct
        words = f"{name.replace('_', ' ')}: drawdown {without.drawdown_pct:.1f} % without"
        words += f" and {one.drawdown_pct:.1f} % with the playbook, result {gained:+.1f} points"
        if one.scenario.is_calm:
            yield f"- {words}; on such a day it {'costs' if gained < -SAME else 'does not cost'}."
        elif less > SAME:
            yield f"- {words}; it helps."
        else:
            yield f"- {words}; **it does not help**."


def draw(found: Found, file: Path, *, seed: int) -> None:
    """Draw what the fund was worth under each mind, a picture a scenario, for one seed.

    Args:
        found: What came of the days.
        file: A .png or .svg file.
        seed: Which of the seeds, counted from 0.
    """
    names = list(dict.fromkeys(name for name, _ in found))
    rows = (len(names) + 1) // 2
    figure = Figure(figsize=(11, 2.4 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, name in zip(figure.subplots(rows, 2, squeeze=False).flat, names, strict=False):
        _draw_day(axes, [one for (of, _), one in found.items() if of == name], seed)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=80, metadata={"Software": None})


def _draw_day(axes: Axes, minds: Sequence[Compared], seed: int) -> None:
    for one, colour in zip(minds, COLOURS, strict=False):
        day = one.outcomes[seed]
        worth = [float(usd / EQUITY_USD * 100) for usd in day.equity]
        hours = [minute / 60 for minute in range(len(worth))]
        axes.plot(hours, worth, color=colour, linewidth=1.2, label=one.mind)
        changed = [event.minute for event in day.events]
        axes.plot(
            [minute / 60 for minute in changed],
            [worth[minute] for minute in changed],
            "v",
            color=colour,
            markersize=4,
        )
    scenario = minds[0].scenario
    if scenario.shock_at is not None:
        axes.axvline(scenario.shock_at / 60, color="#c44e52", linewidth=0.8, linestyle=":")
    axes.set_title(scenario.name.replace("_", " "), loc="left", fontsize=10)
    axes.set_ylabel("worth, %", fontsize=8)
    axes.set_xlabel("hour", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower left", frameon=False, fontsize=7)
