"""The end of a demo in tables: by bot, what was measured, whether it adds up, where to go next."""

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from petrosa_cio.demo.summary import Proof, Row, Summary
from petrosa_cio.demo.words import code_words

SHOWN = 2

NEXT = (
    ("cio run", "start the gate for yourself, and send it intents of your own"),
    ("cio watch", "see verdicts as they happen"),
    ("README.md", "what it is for, and how to put a fleet behind it"),
    ("docs/CONTROLS.md", "every reason code and what it means"),
)


def report(summary: Summary) -> RenderableType:
    """Return the whole report."""
    style = "bold green" if summary.proof.holds else "bold red"
    proof = Text(f"Every intent has exactly one verdict: {proof_words(summary.proof)}", style)
    return Group(_by_bot(summary), _facts(summary), proof, Text(), _next_steps())


def _by_bot(summary: Summary) -> Table:
    table = Table(title=_title(summary), title_justify="left", title_style="bold")
    table.add_column("bot", style="cyan", no_wrap=True)
    for word, colour in (("sent", ""), ("approved", "green"), ("reduced", "yellow")):
        table.add_column(word, justify="right", style=colour)
    table.add_column("denied", justify="right", style="red")
    table.add_column("most frequent reasons", overflow="fold")
    for row in summary.rows:
        table.add_row(*_cells(row))
    table.add_section()
    table.add_row(*_cells(summary.total), style="bold")
    return table


def _title(summary: Summary) -> str:
    ending = "" if summary.complete else ", broken off"
    return f"{summary.seconds:.0f} seconds with seed {summary.seed}{ending}"


def _cells(row: Row) -> Sequence[str]:
    reasons = ", ".join(f"{code_words(code)} {count}" for code, count in row.reasons[:SHOWN])
    return row.bot, str(row.sent), str(row.approved), str(row.reduced), str(row.denied), reasons


def _facts(summary: Summary) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _facts_of(summary):
        table.add_row(name, value)
    return table


def _facts_of(summary: Summary) -> Iterator[tuple[str, str]]:
    if summary.latency is not None:
        found = summary.latency
        yield (
            "intent to verdict",
            f"median {found.median_ms:g} ms, 95 % within {found.p95_ms:g} ms, "
            f"worst {found.worst_ms:g} ms; all on this machine, beside the demo itself",
        )
    yield "order engine", _counted(summary.engine) or "nothing reached it"
    yield "approvals without effect", _counted(summary.after)


def _counted(events: Mapping[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {events[name]}" for name in sorted(events))


def proof_words(proof: Proof) -> str:
    """Return the answer, with the numbers behind it."""
    if proof.holds:
        answer = f"yes ({proof.captured} of {proof.captured}, each journaled and stored once)"
    else:
        answer = (
            f"no: of {proof.captured} captured, {proof.decided} decided, {proof.stored} stored "
            f"with the same verdict, {proof.repeated} recorded again"
        )
    return f"{answer}; {proof.lost} not captured at all" if proof.lost else answer


def _next_steps() -> Table:
    table = Table(title="Where to go from here", title_justify="left", title_style="bold")
    table.show_header, table.box = False, None
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for what, why in NEXT:
        table.add_row(what, why)
    return table
