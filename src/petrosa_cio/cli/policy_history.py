"""``cio policy key``, ``show`` and ``history``: who may sign policies, and what they were."""

from pathlib import Path
from typing import Annotated

import orjson
import typer
import yaml
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.options import AsJson, examples
from petrosa_cio.cli.policy import policy_app
from petrosa_cio.cli.root import run_async, running_settings, settings_of_environment
from petrosa_cio.cli.showing import facts_table, out, print_json, show_problem
from petrosa_cio.errors import Misconfigured, Problem
from petrosa_cio.launch import new_policy_key
from petrosa_cio.office.shown import listed_revision_fields, revision_fields
from petrosa_cio.policies import KEY_FIELD, open_revisions, policy_signer
from petrosa_cio.ports import PolicyRevision
from petrosa_cio.settings import Settings

LONGEST_LINE = 60


@policy_app.command(
    "key", epilog=examples("cio policy key", "cio policy key --new policy.key --json")
)
def policy_key(
    new: Annotated[
        Path | None, typer.Option("--new", help="Make a new key in this file, for its owner alone.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the public key that gates check policies with, and its short name.

    The key itself is the file that CIO_POLICY_KEY_FILE names, or policy.key in the data folder; it
    is never shown. Whoever has it can put a policy in force, within the charter. Gates are told of
    it with CIO_POLICY_PUBLIC_KEYS. Exit code 0, 78 when there is no key.
    """
    settings = settings_of_environment()
    if new is not None:
        settings = new_policy_key(settings, new)
    signer = policy_signer(settings)
    if signer is None:
        mend = "Make one with `cio policy key --new FILE`, and name it."
        raise Misconfigured([Problem(KEY_FIELD, "no key is set", mend)])
    shown = {"key_id": signer.key_id, "public_key": signer.public_key.hex()}
    if as_json:
        print_json(shown)
    else:
        out.print(f"key id      {shown['key_id']}\npublic key  {shown['public_key']}")


@policy_app.command(
    "history", epilog=examples("cio policy history", "cio policy history --before 40 --limit 20")
)
def policy_history(
    limit: Annotated[int, typer.Option(help="Most revisions to show.", min=1, max=1000)] = 20,
    before: Annotated[
        int | None, typer.Option(help="Only revisions below this one.", min=1)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the revisions of the policy, the newest first: who, when, what it did and why.

    They are read from MongoDB. Exit code 0, 1 when MongoDB is away.
    """
    settings = running_settings("mongo_url")
    found = run_async(_history(settings, before, limit))
    if as_json:
        print_json([listed_revision_fields(one) for one in found])
    elif found:
        out.print(_table(found))
    else:
        out.print(f"The fund {settings.fund} has no such revision.")


@policy_app.command("show", epilog=examples("cio policy show", "cio policy show --revision 3"))
def policy_show(
    revision: Annotated[
        int | None, typer.Option(help="Show this revision; unset, the newest.", min=1)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a revision of the policy: what it says, what it changed, who made it and why.

    It is read from MongoDB; the newest is the one in force, and `cio doctor` tells where it is
    not yet. Exit code 0, 1 when there is no such revision or MongoDB is away.
    """
    settings = running_settings("mongo_url")
    found = run_async(_revision(settings, revision))
    if found is None:
        named = "a policy" if revision is None else f"a revision {revision}"
        show_problem(f"The fund {settings.fund} has not got {named}.", "See `cio policy history`.")
        raise typer.Exit(ExitCode.FAILED)
    if as_json:
        shown = revision_fields(found)
        print_json(shown)
    else:
        _show(found)


async def _history(settings: Settings, before: int | None, limit: int) -> list[PolicyRevision]:
    async with open_revisions(settings) as revisions:
        return await revisions.history(before=before, limit=limit)


async def _revision(settings: Settings, number: int | None) -> PolicyRevision | None:
    async with open_revisions(settings) as revisions:
        return await (revisions.newest() if number is None else revisions.revision(number))


def _table(found: list[PolicyRevision]) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="cyan", pad_edge=False)
    for name in ("revision", "made", "author", "change"):
        table.add_column(name, no_wrap=True)
    table.add_column("thought", overflow="fold")
    for one in found:
        at = f"{one.at:%Y-%m-%d %H:%M:%S}"
        # Names and thoughts are other people's words: never markup.
        row = (str(one.revision), at, f"{one.author} ({one.role})", _change(one), _short(one))
        table.add_row(*map(escape, row))
    return table


def _change(one: PolicyRevision) -> str:
    return one.change if one.content_of is None else f"{one.change}, as {one.content_of}"


def _short(one: PolicyRevision) -> str:
    text = " ".join(one.thought.split())
    return text if len(text) <= LONGEST_LINE else f"{text[: LONGEST_LINE - 1]}…"


def _show(one: PolicyRevision) -> None:
    facts = [
        ("made", f"{one.at:%Y-%m-%d %H:%M:%S} UTC by {one.author}, {one.role}"),
        ("change", f"{_change(one)}; made of revision {one.parent}"),
        ("signed", f"with the key {one.key_id}"),
        ("thought", one.thought),
        *((each.path, f"{each.change}: {_moved(each.old, each.new)}") for each in one.diff),
    ]
    shown = [(escape(name), escape(value)) for name, value in facts]
    out.print(facts_table(f"Revision {one.revision} of the fund {one.fund}", shown))
    document = orjson.loads(one.document)
    out.print(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), markup=False)


def _moved(old: str, new: str) -> str:
    return f"{old or 'not stated'} → {new or 'not stated'}"
