"""``cio policy diff``, ``edit``, ``propose`` and ``rollback``: change what is in force."""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn

from petrosa_cio.cli.change_tables import (
    show_comparison,
    show_outcome,
)
from petrosa_cio.cli.durations import duration_of
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.options import (
    AsJson,
    Thought,
    ThoughtFile,
    TokenFile,
    examples,
    stated_thought,
)
from petrosa_cio.cli.policy import policy_app
from petrosa_cio.cli.root import run_async, running_settings
from petrosa_cio.cli.showing import err, print_json, show_problem
from petrosa_cio.errors import PolicyRejected, RevisionConflict
from petrosa_cio.governance.documents import read_policy_document, read_policy_file
from petrosa_cio.governance.lifecycle import Outcome
from petrosa_cio.governance.policy_text import policy_text, with_fields
from petrosa_cio.governance.thought import check_thought
from petrosa_cio.government import Government, open_government
from petrosa_cio.office.drafts import LONGEST_OVERLAY, narrowed
from petrosa_cio.office.shown import comparison_fields
from petrosa_cio.ports import PolicyRevision
from petrosa_cio.risk.compare import Comparison
from petrosa_cio.risk.policy import PolicyDocument
from petrosa_cio.servers import clock

NEED = ("mongo_url", "redis_url")

File = Annotated[
    Path | None,
    typer.Argument(help="The new policy, or a document of `policy` and `overlays`, in YAML."),
]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="One field instead of a file, such as fund.max_order_notional_usd=500, as often as "
        "needed; nothing behind the = takes it away.",
    ),
]
Lasts = Annotated[
    str | None,
    typer.Option(
        "--for",
        help="Only for so long, such as 30m, 2h or 1d, at most 7d: what is set becomes an overlay, "
        "which ends by itself.",
    ),
]
LooksBack = Annotated[
    str,
    typer.Option(
        "--what-if",
        help="How far back a loosening is decided again for those who approve it, such as 6h; "
        "none leaves it out, as in a hurry.",
    ),
]
Parent = Annotated[
    int | None,
    typer.Option(
        help="The revision that it was made from: another one in force is a conflict; unset, the "
        "one in force now."
    ),
]


@policy_app.command(
    "diff",
    epilog=examples(
        "cio policy diff policy.yaml", "cio policy diff --set fund.max_order_notional_usd=500"
    ),
)
def policy_diff(file: File = None, fields: Fields = None, as_json: AsJson = False) -> None:
    """Say what a policy would change of the one in force: each limit that is tighter or looser.

    Nothing is changed. Exit code 0, 1 when it may not govern or a server is away.
    """
    newest, comparison = run_async(_compared(file, fields or []))
    if as_json:
        shown = {"parent": newest.revision, **comparison_fields(comparison)}
        print_json(shown)
    else:
        show_comparison(comparison, f"beside revision {newest.revision}")


async def _compared(file: Path | None, fields: Sequence[str]) -> tuple[PolicyRevision, Comparison]:
    async with open_government(running_settings(*NEED)) as government:
        wanted = wanted_of(file, fields, await newest_of(government))
        return await government.lifecycle.compared(wanted)


@policy_app.command(
    "propose",
    epilog=examples(
        "cio policy propose policy.yaml --thought-file why.txt",
        'cio policy propose --set fund.max_order_notional_usd=500 --for 2h --thought "..."',
    ),
)
def policy_propose(
    file: File = None,
    fields: Fields = None,
    lasts: Lasts = None,
    parent: Parent = None,
    what_if: LooksBack = "24h",
    thought: Thought = None,
    thought_file: ThoughtFile = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Change the policy: what only tightens is in force at once, what loosens waits for approval.

    It takes a token and a thought: at least 100 characters of text on why. Prints what changes,
    and the revision that is in force or the proposal that waits, with what it would have made
    otherwise of the recent record. Exit code 0 when it is in force
    or waits, 1 when it is refused or a server is away; a refusal is recorded.
    """
    why = stated_thought(thought, thought_file)
    if lasts is not None and (file is not None or not fields):
        raise typer.BadParameter("only fields that are --set can be for a time", param_hint="--for")
    span = _span(lasts)
    asked = _Asked(why, token_file, _looks_back(what_if))
    with _working():
        outcome = run_async(_proposed(file, fields or [], span, parent, asked))
    show_outcome(outcome, as_json)


@dataclass(frozen=True, slots=True)
class _Asked:
    """How a change is asked for: why, by whom, and how far back to look."""

    thought: str
    token_file: Path | None
    what_if: timedelta | None


def _looks_back(stated: str) -> timedelta | None:
    return None if stated == "none" else duration_of(stated)


@contextmanager
def _working() -> Iterator[None]:
    """Let a person see that something goes on: a what-if may take a minute."""
    columns = (SpinnerColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as shown:
        shown.add_task("")
        yield


async def _proposed(
    file: Path | None,
    fields: Sequence[str],
    span: timedelta | None,
    parent: int | None,
    asked: _Asked,
) -> Outcome:
    async with open_government(running_settings(*NEED)) as government:
        actor = await government.who_asks(asked.token_file)
        newest = await newest_of(government)
        if span is None:
            wanted = wanted_of(file, fields, newest)
        else:
            wanted = narrowed(newest, fields, span, actor, asked.thought, clock())
        made_from = newest.revision if parent is None else parent
        return await government.lifecycle.propose(
            actor, wanted, parent=made_from, thought=asked.thought, what_if=asked.what_if
        )


@policy_app.command("edit", epilog=examples("cio policy edit", "EDITOR=nano cio policy edit"))
def policy_edit(
    what_if: LooksBack = "24h",
    thought: Thought = None,
    thought_file: ThoughtFile = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Open the policy in force in $EDITOR, and propose what you made of it.

    What cannot govern is opened again with every problem at its head; to leave it as it was gives
    up. Then what changes is shown, and a thought is asked for unless one is stated. Exit code 0
    when it is in force or waits for approval, 1 when it is refused or given up.
    """
    back = _looks_back(what_if)
    parent, wanted = run_async(_edited())
    if wanted is None:
        show_problem("Nothing was changed.")
        raise typer.Exit(ExitCode.FAILED)
    if thought is None and thought_file is None:
        thought = _asked_thought()
    why = stated_thought(thought, thought_file)
    with _kept_on_conflict(wanted), _working():
        outcome = run_async(_edit_proposed(wanted, parent, _Asked(why, token_file, back)))
    show_outcome(outcome, as_json)


async def _edited() -> tuple[int, PolicyDocument | None]:
    async with open_government(running_settings(*NEED)) as government:
        newest = await newest_of(government)
        document = read_policy_document(newest.document.encode())
        text = policy_text(document)
        with tempfile.TemporaryDirectory(prefix="cio-policy-") as folder:
            file = Path(folder) / f"policy-{newest.revision}.yaml"
            file.write_text(text, "utf-8")
            while True:
                before = file.read_text("utf-8")
                _open_editor(file)
                after = file.read_text("utf-8")
                if after == before:
                    return newest.revision, None
                try:
                    wanted = _read(file)
                    _, comparison = await government.lifecycle.compared(wanted)
                except PolicyRejected as rejected:
                    file.write_text(_with_problems(after, rejected.problems), "utf-8")
                else:
                    show_comparison(comparison, f"beside revision {newest.revision}")
                    return newest.revision, wanted


async def _edit_proposed(wanted: PolicyDocument, parent: int, asked: _Asked) -> Outcome:
    async with open_government(running_settings(*NEED)) as government:
        actor = await government.who_asks(asked.token_file)
        return await government.lifecycle.propose(
            actor, wanted, parent=parent, thought=asked.thought, what_if=asked.what_if
        )


@contextmanager
def _kept_on_conflict(wanted: PolicyDocument) -> Iterator[None]:
    """Keep what somebody wrote, where another change came between."""
    try:
        yield
    except RevisionConflict:
        descriptor, name = tempfile.mkstemp(prefix="cio-policy-", suffix=".yaml")
        with os.fdopen(descriptor, "w") as kept:
            kept.write(policy_text(wanted))
        err.print(f"What you wrote is kept in {name}.", markup=False, soft_wrap=True)
        raise


@policy_app.command(
    "rollback",
    epilog=examples(
        "cio policy rollback --thought-file why.txt",
        'cio policy rollback --to 12 --thought "..." --json',
    ),
)
def policy_rollback(
    to: Annotated[
        int | None,
        typer.Option(
            help="The revision to go back to; unset, the last known good one: the newest earlier "
            "one of other content that was in force for an hour."
        ),
    ] = None,
    tighter: Annotated[
        bool,
        typer.Option(
            "--tighter",
            help="Only where that is tighter, limit by limit; everything else stays as it is.",
        ),
    ] = False,
    what_if: LooksBack = "24h",
    thought: Thought = None,
    thought_file: ThoughtFile = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Go back to an earlier policy: a new revision with its content and a thought of its own.

    Where that only tightens it is in force at once, as it always is with --tighter; where it
    loosens anything it waits for approval, as any change does. Exit code 0 when it is in force or
    waits, 1 when it is refused or a server is away.
    """
    why = stated_thought(thought, thought_file)
    asked = _Asked(why, token_file, _looks_back(what_if))
    with _working():
        outcome = run_async(_rolled_back(to, asked, tighter=tighter))
    show_outcome(outcome, as_json)


async def _rolled_back(to: int | None, asked: _Asked, *, tighter: bool) -> Outcome:
    async with open_government(running_settings(*NEED)) as government:
        actor = await government.who_asks(asked.token_file)
        return await government.lifecycle.rollback(
            actor, to, thought=asked.thought, tighter=tighter, what_if=asked.what_if
        )


async def newest_of(government: Government) -> PolicyRevision:
    """Return the newest revision. Raises PolicyRejected where there is none."""
    newest = await government.revisions.newest()
    if newest is None:
        raise PolicyRejected(["no policy is in force yet: the first one comes with `cio run`"])
    return newest


def wanted_of(file: Path | None, fields: Sequence[str], newest: PolicyRevision) -> PolicyDocument:
    """Return the document that a file states, or that fields make of the newest revision.

    Raises:
        BadParameter: Both are stated, or neither.
        PolicyRejected: It is no policy.
    """
    if (file is None) == (not fields):
        raise typer.BadParameter("name a file, or fields with --set")
    if file is not None:
        return _read(file)
    return with_fields(read_policy_document(newest.document.encode()), fields)


def _read(file: Path) -> PolicyDocument:
    found = read_policy_file(file)
    if found.problems:
        raise PolicyRejected(found.problems)
    return found.document


def _span(lasts: str | None) -> timedelta | None:
    if lasts is None:
        return None
    span = duration_of(lasts)
    if span > LONGEST_OVERLAY:
        raise typer.BadParameter("at most 7d", param_hint="--for")
    return span


def _open_editor(file: Path) -> None:
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        subprocess.run([*shlex.split(command), str(file)], check=True)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        raise typer.BadParameter(f"$EDITOR is {command!r}, which fails: {error}") from error


_MARK = "# ! "


def _with_problems(text: str, problems: Sequence[str]) -> str:
    """Return a text with these problems at its head, in place of earlier ones."""
    own = [line for line in text.splitlines() if not line.startswith(_MARK)]
    heads = [f"{_MARK}{' '.join(one.split())}" for one in problems]
    return "\n".join([*heads, *own]) + "\n"


def _asked_thought() -> str:
    """Return a thought that a person wrote in $EDITOR."""
    with tempfile.TemporaryDirectory(prefix="cio-thought-") as folder:
        file = Path(folder) / "thought.txt"
        file.write_text("\n# Why? At least 100 characters. Lines with # are left out.\n", "utf-8")
        _open_editor(file)
        lines = file.read_text("utf-8").splitlines()
    thought = "\n".join(line for line in lines if not line.startswith("#")).strip()
    check_thought(thought)
    return thought
