"""A shadow as a page that fits a terminal of 80 columns, and as JSON."""

from rich.text import Text

from petrosa_cio.cli.showing import err, out
from petrosa_cio.cli.switches import show_unrecorded
from petrosa_cio.cli.what_if_tables import show_flips, show_notes
from petrosa_cio.governance.shadow import Ended, Seen, Stage


def show_seen(seen: Seen) -> None:
    """Show a shadow, where it stands, and what it found."""
    shadow, report = seen.shadow, seen.report
    out.print(Text(f"Shadow {shadow.number}: {_standing(seen)}", style="bold"))
    out.print(
        Text(
            f"made from revision {shadow.parent} by {shadow.author} ({shadow.role}), "
            f"{shadow.at:%Y-%m-%d %H:%M} UTC",
            style="dim",
        ),
        soft_wrap=True,
    )
    if seen.trouble:
        err.print(f"It cannot be decided with: {seen.trouble}", style="bold red", markup=False)
    if report.findings.decided:
        show_flips(report.findings)
    else:
        out.print("No verdict is decided again yet.")
    show_notes(report.findings)
    for kind, number in report.errors.most_common():
        err.print(
            f"{number:,} could not be decided for an error of the shadow: {kind}.",
            style="yellow", markup=False, soft_wrap=True,
        )  # fmt: skip
    out.print(Text(_lag(seen), style="dim"), soft_wrap=True)


def _standing(seen: Seen) -> str:
    ending = seen.ending
    if ending is not None:
        became = f" as {ending.became}" if ending.became else ""
        return f"{seen.stage}{became} by {ending.author}, {ending.at:%Y-%m-%d %H:%M} UTC"
    word = "until" if seen.stage is Stage.RUNNING else "since"
    return f"{seen.stage} {word} {seen.shadow.ends_at:%Y-%m-%d %H:%M} UTC"


def _lag(seen: Seen) -> str:
    if seen.report.is_complete:
        return "All that it judges was looked at."
    until = seen.report.until
    looked = "Nothing was looked at yet" if until is None else f"Looked at until {until:%H:%M:%S}"
    return f"{looked}; {seen.behind:,} records of the chain are still to be looked at."


def show_ended(ended: Ended) -> None:
    """Say how a shadow ended."""
    became = f" as {ended.ending.became}" if ended.ending.became else ""
    word = "promoted" if became else "dropped"
    out.print(f"Shadow [bold]{ended.shadow.number}[/] is {word}{became}.", soft_wrap=True)
    if ended.unrecorded:
        show_unrecorded(ended.unrecorded)
