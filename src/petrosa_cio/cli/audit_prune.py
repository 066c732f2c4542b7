"""``cio audit prune``: deletes what is archived, old enough and held by nobody."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from petrosa_cio.adapters.archive_files import ArchiveFolder
from petrosa_cio.audit.pruning import Plan, Rules, carry_out, plan
from petrosa_cio.cli.audit import audit
from petrosa_cio.cli.audit_evidence import OlderKeys, known_keys, telling
from petrosa_cio.cli.options import AsJson, examples
from petrosa_cio.cli.root import run_async, running_settings
from petrosa_cio.cli.showing import out, print_json
from petrosa_cio.keeping import open_prune_store, signer_of
from petrosa_cio.servers import clock
from petrosa_cio.settings import Settings


@audit.command(
    epilog=examples(
        "cio audit prune /archives/main-000000000001-000000200000",
        "cio audit prune /archives/main-000000000001-000000200000 --yes",
    ),
)
def prune(
    archived: Annotated[
        Path,
        typer.Argument(help="The archive that holds them.", exists=True, file_okay=False),
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Delete; unset, only say what would go.")] = (
        False
    ),
    public_key: OlderKeys = None,
    as_json: AsJson = False,
) -> None:
    """Delete the oldest records from MongoDB: archived, older than CIO_RETENTION_DAYS, not held.

    Archive and record are proven first. Records go from the beginning of the chain only, up to the
    first that is younger, that a legal hold names, or by which the rest is proven; it says which
    and why. Where the chain begins from then on is signed and kept, and `cio audit verify` begins
    there. It signs in with CIO_MONGO_PRUNE_URL, which the service never has. Without --yes nothing
    is deleted. It may be repeated, and goes on where it was killed. Exit code 0 when it is done, 1
    when archive or record is not proven or MongoDB is away.
    """
    settings = running_settings()
    chosen, gone = run_async(_prune(settings, archived, public_key, yes))
    if as_json:
        print_json(_plain(chosen, gone, yes))
    else:
        _show(chosen, gone, yes)


async def _prune(
    settings: Settings, folder: Path, public_key: list[str] | None, yes: bool
) -> tuple[Plan, int]:
    signer, keys = signer_of(settings), known_keys(settings, public_key, with_own=True)
    now = clock()
    rules = Rules(settings.fund, keys, now - timedelta(days=settings.retention_days))
    async with open_prune_store(settings) as store:
        with telling("looking") as told:
            chosen = await plan(store, ArchiveFolder(folder), rules, told)
        if not yes:
            return chosen, 0
        with telling("deleting") as told:
            return chosen, await carry_out(store, chosen, rules, signer, now, told)


def _plain(chosen: Plan, gone: int, yes: bool) -> dict[str, object]:
    return {
        "first_record": chosen.begin,
        "last_record_that_may_go": chosen.until.seq,
        "records_that_may_go": chosen.records,
        "left_over": chosen.left_over,
        "no_more_because": chosen.why,
        "done": yes,
        "deleted": gone,
    }


def _show(chosen: Plan, gone: int, yes: bool) -> None:
    if chosen.records:
        stretch = f"Records {chosen.begin} to {chosen.until.seq}"
        out.print(f"{stretch} may go: archived, old enough, held by nobody.")
    else:
        out.print("No record may go.")
    out.print(f"No more, as {chosen.why}.", markup=False)
    if chosen.left_over:
        out.print("An earlier run left records behind that may go.")
    if yes:
        out.print(f"{gone} records are deleted.")
    elif chosen.records or chosen.left_over:
        out.print("Nothing is deleted: say --yes to do it.")
