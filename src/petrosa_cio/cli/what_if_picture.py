"""A what-if as a picture: flips by code and strategy, exposure and approvals over time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from petrosa_cio.cli.report_picture import MOST_ROWS, ROW_IN, finish_rows, save_figure, shortened
from petrosa_cio.governance.what_if import Findings, FlipKind
from petrosa_cio.governance.what_if.findings import most_first
from petrosa_cio.governance.what_if.profile import Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {
    FlipKind.DENIED: "#c44e52",
    FlipKind.APPROVED: "#3b7ea1",
    FlipKind.SMALLER: "#e6ab02",
    FlipKind.LARGER: "#7fb3cc",
}
WAS, WOULD = "#777777", "#3b7ea1"
TIMES_IN = 1.9
"""Height of one curve over time, in inches."""


def save_what_if(found: Findings, about: Mapping[str, str], file: Path) -> None:
    """Draw a what-if into a file, or end the command with what keeps it from that."""
    codes = list(most_first(found.by_code))[:MOST_ROWS]
    strategies = list(most_first(found.by_strategy))[:MOST_ROWS]
    heights = [ROW_IN * max(len(codes), 3), ROW_IN * max(len(strategies), 3), TIMES_IN, TIMES_IN]

    def draw(figure: "Figure") -> None:
        by_code, by_strategy, exposure, approvals = figure.subplots(4, 1, height_ratios=heights)
        figure.suptitle(_title(found, about), fontsize=11)
        _draw_flips(by_code, codes, "Flips by reason")
        _draw_flips(by_strategy, strategies, "Flips by strategy")
        points = found.profile.points()
        gross = [tuple(map(float, one.gross_usd)) for one in points]
        _draw_times(exposure, points, gross, "Highest gross exposure, USD")
        _draw_times(approvals, points, [one.promoted for one in points], "Approvals")

    save_figure(draw, file, height_in=sum(heights) + 4.0)


def _title(found: Findings, about: Mapping[str, str]) -> str:
    flips = f"{found.flipped:,} of {found.decided:,} verdicts flip"
    return "\n".join((f"What if: {about['candidate']}", about["source"], flips)).replace("$", r"\$")


def _draw_flips(axes: "Axes", rows: Sequence[tuple[str, Counter[FlipKind]]], title: str) -> None:
    names = [shortened(name) for name, _ in rows]
    left = [0] * len(rows)
    for kind in FlipKind:
        numbers = [kinds[kind] for _, kinds in rows]
        axes.barh(names, numbers, left=left, color=COLOURS[kind], label=str(kind))
        left = [sum(pair) for pair in zip(left, numbers, strict=True)]
    finish_rows(axes, title)


def _draw_times(
    axes: "Axes", points: Sequence[Point], pairs: Sequence[tuple[float, ...]], title: str
) -> None:
    moments: Any = [one.at for one in points]  # matplotlib takes times; its types do not say so
    for label, colour, style, place in (("as it was", WAS, "-", 0), ("would be", WOULD, "--", 1)):
        numbers = [pair[place] for pair in pairs]
        axes.plot(
            moments, numbers, drawstyle="steps-post", color=colour, linestyle=style, label=label
        )
    axes.set_title(title, loc="left")
    axes.set_ylim(bottom=0)
    axes.tick_params(axis="x", rotation=30)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="best", frameon=False)
