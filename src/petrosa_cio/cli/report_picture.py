"""A report as a picture: denials by reason, verdicts by strategy, and over time.

What draws it comes with the extra ``pictures`` and is loaded only when a picture is asked for. It
draws into a file, without any screen, and the same report gives the same file.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from petrosa_cio.audit.statistics import Shares, Statistics
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.report_tables import by_time
from petrosa_cio.cli.showing import err, show_problem
from petrosa_cio.risk.verdict import VerdictKind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {
    VerdictKind.APPROVE: "#3b7ea1",
    VerdictKind.REDUCE: "#e6ab02",
    VerdictKind.DENY: "#c44e52",
}
MOST_ROWS = 18
MOST_TICKS = 12
LONGEST_NAME = 32
WIDTH_IN = 10.0
ROW_IN = 0.26
"""Height of one bar with its name, in inches."""


def is_drawable(file: Path) -> bool:
    """Return whether a file is named as a picture that can be made."""
    return file.suffix.lower() in (".svg", ".png")


def save_picture(found: Statistics, about: Mapping[str, str], file: Path) -> None:
    """Draw a report into a file, or end the command with what keeps it from that."""
    codes = list(found.by_code.items())[:MOST_ROWS]
    strategies = list(found.by_strategy.items())[:MOST_ROWS]
    heights = [ROW_IN * max(len(codes), 3), ROW_IN * max(len(strategies), 3), 2.2]

    def draw(figure: "Figure") -> None:
        above, middle, below = figure.subplots(3, 1, height_ratios=heights)
        figure.suptitle(_title(found, about), fontsize=11)
        _draw_codes(above, [(name, count.denied, count.alone) for name, count in codes])
        _draw_shares(middle, strategies, of=len(found.by_strategy))
        _draw_times(below, by_time(found.by_hour))

    save_figure(draw, file, height_in=sum(heights) + 3.0)


def save_figure(draw: Callable[["Figure"], None], file: Path, *, height_in: float) -> None:
    """Draw into a file, or end the command with what keeps it from that.

    Args:
        draw: Draws on an empty figure.
        file: A .svg or .png file.
        height_in: Height of the figure, inches.
    """
    try:
        _draw(draw, file, height_in)
    except ImportError as error:
        show_problem(
            "A picture needs matplotlib.", "Install it: pip install 'petrosa-cio[pictures]'"
        )
        raise typer.Exit(ExitCode.FAILED) from error
    except OSError as error:
        show_problem(f"{file} cannot be written.", str(error))
        raise typer.Exit(ExitCode.FAILED) from error
    err.print(f"The picture is in {file}.", style="dim", markup=False)


def _draw(draw: Callable[["Figure"], None], file: Path, height_in: float) -> None:
    import matplotlib as mpl  # noqa: PLC0415 - a second of loading that other commands save
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context({"svg.hashsalt": "petrosa-cio", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure)
        metadata: dict[str, Any] = {"Date": None} if file.suffix.lower() == ".svg" else {}
        figure.savefig(file, dpi=150, metadata=metadata)


def _title(found: Statistics, about: Mapping[str, str]) -> str:
    total = found.total
    shares = ", ".join(
        f"{kind} {total.share_of(getattr(total, kind)) * 100:.1f} %" for kind in VerdictKind
    )
    facts = "; ".join(f"{name} {value}" for name, value in about.items() if name != "source")
    lines = (about["source"], facts, f"{total.total} verdicts: {shares}")
    return "\n".join(line for line in lines if line).replace("$", r"\$")


def _draw_codes(axes: "Axes", rows: Sequence[tuple[str, int, int]]) -> None:
    names = [name for name, _, _ in rows]
    axes.barh(names, [denied for _, denied, _ in rows], color="#d9a5a7", label="denials")
    axes.barh(
        names, [alone for _, _, alone in rows], color=COLOURS[VerdictKind.DENY],
        label="for this reason alone",
    )  # fmt: skip
    finish_rows(axes, "Denials by reason (a denial may have several)")


def _draw_shares(axes: "Axes", rows: Sequence[tuple[str, Shares]], *, of: int) -> None:
    names = [shortened(name) for name, _ in rows]
    left = [0] * len(rows)
    for kind in VerdictKind:
        numbers = [getattr(shares, kind) for _, shares in rows]
        axes.barh(names, numbers, left=left, color=COLOURS[kind], label=str(kind))
        left = [sum(pair) for pair in zip(left, numbers, strict=True)]
    most = f" (the {len(rows)} of {of} with the most)" if of > len(rows) else ""
    finish_rows(axes, f"Verdicts by strategy{most}")


def _draw_times(axes: "Axes", rows: Sequence[tuple[str, Shares]]) -> None:
    places = list(range(len(rows)))
    bottom = [0] * len(rows)
    for kind in VerdictKind:
        numbers = [getattr(shares, kind) for _, shares in rows]
        axes.bar(places, numbers, bottom=bottom, color=COLOURS[kind], label=str(kind))
        bottom = [sum(pair) for pair in zip(bottom, numbers, strict=True)]
    shown = places[:: max(1, -(-len(places) // MOST_TICKS))]
    axes.set_xticks(shown, [rows[place][0] for place in shown], rotation=30, ha="right")
    axes.set_title("Verdicts over time, UTC", loc="left")
    axes.spines[["top", "right"]].set_visible(False)


def finish_rows(axes: "Axes", title: str) -> None:
    """Give bars beside names their title and their legend."""
    axes.invert_yaxis()
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right", frameon=False)


def shortened(name: str) -> str:
    """Return a name that fits, and in which nothing is read as mathematics."""
    short = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
    return short.replace("$", r"\$")
