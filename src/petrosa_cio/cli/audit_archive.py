"""``cio audit archive``, ``backup`` and ``restore``: the record as files, and back."""

from pathlib import Path
from typing import Annotated

import typer
from msgspec import to_builtins

from petrosa_cio import __version__
from petrosa_cio.adapters.archive_files import ArchiveFolder, ArchiveFolders
from petrosa_cio.adapters.nats_streams import JOURNAL
from petrosa_cio.app import DRAIN_CONSUMER
from petrosa_cio.audit.archiving import Archived, Stretch, archive
from petrosa_cio.audit.restoring import Restored, lost_between, restore
from petrosa_cio.cli.audit import audit
from petrosa_cio.cli.audit_evidence import OlderKeys, known_keys, telling
from petrosa_cio.cli.durations import instant_of
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.options import AsJson, examples
from petrosa_cio.cli.root import run_async, running_settings
from petrosa_cio.cli.showing import out, print_json, show_problem
from petrosa_cio.errors import RecordRefused, Unavailable
from petrosa_cio.keeping import (
    open_archive_source,
    open_restore_store,
    rewind_drain,
    signed_before,
    signer_of,
    span_of_journal,
)
from petrosa_cio.servers import clock
from petrosa_cio.settings import Settings

Folder = Annotated[
    Path,
    typer.Argument(help="Folder of archives; made where it is not there.", file_okay=False),
]


@audit.command(
    "archive",
    epilog=examples(
        "cio audit archive /archives",
        "cio audit archive /archives --before 2026-10-01",
        "cio audit archive /archives --to 200000 --json",
    ),
)
def archive_command(
    folder: Folder,
    before: Annotated[
        str | None,
        typer.Option(
            help="Archive what was journaled before this time, in UTC unless it states a zone; "
            "unset, what is older than CIO_RETENTION_DAYS.",
        ),
    ] = None,
    last: Annotated[
        int | None,
        typer.Option("--to", help="Archive up to this record, by position, instead.", min=1),
    ] = None,
    public_key: OlderKeys = None,
    as_json: AsJson = False,
) -> None:
    """Write the oldest part of the record to files that prove themselves, and delete nothing.

    It goes from the oldest record that MongoDB holds to the newest checkpoint before the time: the
    records, what was set aside in their place, their checkpoints, and all else that belongs to the
    record. The whole stretch is proven on the way, signed with the key of this installation, read
    back and proven again; only then it gets its name. An archive that is there already is proven
    and left as it is. Exit code 0 when it stands, 1 when there is nothing to archive, the record is
    not proven, MongoDB is away or the disk is full; nothing half is left then.
    """
    settings = running_settings("mongo_url")
    made = run_async(_archive(settings, folder, before, last, public_key))
    _show_archived(made, folder, as_json)


async def _archive(
    settings: Settings,
    folder: Path,
    before: str | None,
    last: int | None,
    public_key: list[str] | None,
) -> Archived:
    signer, keys = signer_of(settings), known_keys(settings, public_key, with_own=True)
    moment = None if before is None else instant_of(before)
    with telling("archiving") as told:
        async with open_archive_source(settings) as source:
            until = last or await signed_before(source, settings, moment)
            stretch = Stretch(settings.fund, keys, until)
            made = clock(), __version__
            return await archive(source, ArchiveFolders(folder), stretch, signer, made, told)


@audit.command(epilog=examples("cio audit backup /backups", "cio audit backup /backups --json"))
def backup(folder: Folder, public_key: OlderKeys = None, as_json: AsJson = False) -> None:
    """Write the whole record to files that prove themselves, while it goes on.

    It is an archive of all that MongoDB holds at this moment, up to the newest record; what no
    checkpoint covers yet is covered by the signature of the backup itself. What is stored meanwhile
    is in the journal still. Exit code 0 when it stands, 1 when not; nothing half is left then.
    """
    settings = running_settings("mongo_url")
    made = run_async(_backup(settings, folder, public_key))
    _show_archived(made, folder, as_json)


async def _backup(settings: Settings, folder: Path, public_key: list[str] | None) -> Archived:
    signer, keys = signer_of(settings), known_keys(settings, public_key, with_own=True)
    with telling("backing up") as told:
        async with open_archive_source(settings) as source:
            until = await source.last(await source.signed_until())
            stretch = Stretch(settings.fund, keys, until, is_signed=False)
            made = clock(), __version__
            return await archive(source, ArchiveFolders(folder), stretch, signer, made, told)


def _show_archived(made: Archived, folder: Path, as_json: bool) -> None:
    manifest, where = made.manifest, folder / made.name
    if as_json:
        shown = {"folder": str(where), "is_new": made.is_new, "manifest": to_builtins(manifest)}
        print_json(shown)
        return
    stretch = f"Records {manifest.first_seq} to {manifest.last_seq}"
    out.print(f"{stretch} {'are' if made.is_new else 'were already'} in {where}", markup=False)
    size = sum(one.bytes for one in manifest.files)
    out.print(f"{len(manifest.files)} files, {size} bytes, signed by {manifest.key_id}, proven.")


@audit.command(
    "restore",
    epilog=examples(
        "cio audit restore /backups/main-000000000001-000000200000",
        "cio audit restore /archives/main-000000000001-000000200000 --no-journal",
    ),
)
def restore_command(
    archived: Annotated[
        Path,
        typer.Argument(
            help="The archive or backup, as it was named.", exists=True, file_okay=False
        ),
    ],
    public_key: OlderKeys = None,
    journal: Annotated[
        bool,
        typer.Option(
            "--journal/--no-journal",
            help="Let the role record read the journal again from its beginning, so that what was "
            "stored after the backup is stored anew; not for a copy that is only looked at.",
        ),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Fill an empty database from a backup or an archive, and prove that it is the same record.

    Stop the role record first. The archive is proven before anything is written, and the record
    afterwards. A database that holds anything of a record is refused. Signs in with
    CIO_MONGO_ADMIN_URL where that is set. Exit code 0 when the record is whole, 1 when it was
    refused, a server is away, or the journal does not reach back to the backup: what is in neither
    is named then.
    """
    settings = running_settings(*(("mongo_url", "nats_url") if journal else ("mongo_url",)))
    span = run_async(span_of_journal(settings)) if journal else None
    restored = run_async(_restore(settings, archived, public_key))
    manifest, lost = restored.manifest, ""
    if span is not None:
        _rewind(settings)
        lost = lost_between(manifest.end, restored.last_entry, span.first, span.last)
    if as_json:
        shown = {"records": manifest.records, "last_record": manifest.last_seq, "lost": lost}
        print_json(shown)
    else:
        stretch = f"records {manifest.first_seq} to {manifest.last_seq}"
        out.print(f"The database holds {stretch}, as they were archived.")
        if journal and not lost:
            out.print("The journal goes on from there: start the role record.")
    if lost:
        show_problem("The record has a gap between backup and journal.", f"{lost}.")
        raise typer.Exit(ExitCode.FAILED)


async def _restore(settings: Settings, folder: Path, public_key: list[str] | None) -> Restored:
    keys = known_keys(settings, public_key, with_own=True)
    if not keys:
        raise RecordRefused("no public key is known: name one with --public-key")
    with telling("restoring") as told:
        async with open_restore_store(settings) as store:
            return await restore(store, ArchiveFolder(folder), settings.fund, keys, told)


def _rewind(settings: Settings) -> None:
    try:
        run_async(rewind_drain(settings))
    except Unavailable as away:
        mend = (
            f"Before the role record starts, remove its consumer: "
            f"nats consumer rm {JOURNAL} {DRAIN_CONSUMER}"
        )
        show_problem("The database is filled, but the journal is not read again.", f"{away}.", mend)
        raise typer.Exit(ExitCode.FAILED) from away
