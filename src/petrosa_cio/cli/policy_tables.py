"""What is found in a policy, and what its limits do, as tables for people."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from petrosa_cio.cli.showing import out
from petrosa_cio.governance.files import Examined
from petrosa_cio.governance.self_test import Shown, Status
from petrosa_cio.risk.limits import LIMIT_KINDS

STYLES = {
    Status.BITES: "green",
    Status.SHADOWED: "yellow",
    Status.IDLE: "dim",
    Status.FAILS: "bold red",
}


def show_findings(found: Examined) -> None:
    """Show every problem and every remark, each with what to do, and how it ends."""
    named = f"policy {found.document.policy.name}, charter {found.charter.name}"
    for problem in found.problems:
        file = "" if problem.field == "CIO_POLICY_FILE" else "charter: "
        _show_one("error", "bold red", f"{file}{problem.message}", problem.mend)
    for remark in found.remarks:
        _show_one("warning", "yellow", f"{remark.path}: {remark.sentence}", remark.fix)
    count = f"{_many(len(found.problems), 'error')}, {_many(len(found.remarks), 'warning')}"
    verdict = Text("refused", "bold red") if found.problems else Text("may govern", "bold green")
    out.print(Text(f"{named}: {count}: ").append_text(verdict), soft_wrap=True)


def _show_one(kind: str, style: str, sentence: str, fix: str) -> None:
    out.print(Text(f"{kind:<8}", style).append(sentence, "default"), soft_wrap=True)
    out.print(Text(f"        {fix}", "dim"), soft_wrap=True)


def _many(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


LONGEST_NAME = max(map(len, LIMIT_KINDS))


def show_limits(shown: Sequence[Shown]) -> None:
    """Show what every limit does, one row a limit and entry, and how many do what."""
    table = Table(box=SIMPLE_HEAD, header_style="cyan", pad_edge=False, expand=True)
    table.add_column("limit, stated by", overflow="fold", min_width=LONGEST_NAME)
    table.add_column("passes", overflow="fold", ratio=5)
    table.add_column("stopped", overflow="fold", ratio=7)
    for one in shown:
        limit = Text(f"{one.limit}\n").append(one.value, "bold").append(f"\n{one.entry}", "dim")
        table.add_row(limit, *_both(one))
    out.print(table)
    counts = ((status, sum(one.status is status for one in shown)) for status in Status)
    counted = ", ".join(f"{count} {status}" for status, count in counts)
    out.print(
        f"{_many(len(shown), 'limit')}: {counted}. Shadowed: another limit or entry always comes "
        "first. Idle: there is nothing to stop."
    )


def _both(one: Shown) -> tuple[Text, Text]:
    """Return what passes and what is stopped, or the status and the reason for it."""
    if one.status is not Status.BITES:
        return Text(one.status, STYLES[one.status]), Text(one.why, STYLES[one.status])
    stopped = Text(one.stopped or "nothing: it gives a size")
    if one.verdict:
        stopped.append(f"\n{one.verdict}", STYLES[one.status])
    return Text(one.passes or "nothing"), stopped
