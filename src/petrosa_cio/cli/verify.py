"""``cio audit verify``: is the record what it was?"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from msgspec import to_builtins
from rich.text import Text

from petrosa_cio.adapters.archive_files import ArchiveFolder
from petrosa_cio.audit.archive_proof import ArchiveProof, prove_archive
from petrosa_cio.audit.checkpoint import as_fields
from petrosa_cio.audit.proof import Outcome, Proof
from petrosa_cio.audit.verify import Asked, prove
from petrosa_cio.cli.audit import audit
from petrosa_cio.cli.audit_evidence import (
    PublicKeys,
    could_not,
    held_checkpoints,
    known_keys,
    telling,
)
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.options import AsJson, examples
from petrosa_cio.cli.root import run_async, running_settings, settings_of_environment
from petrosa_cio.cli.showing import out, print_json, show_misconfigured
from petrosa_cio.errors import Misconfigured, Unavailable
from petrosa_cio.launch import open_proof
from petrosa_cio.settings import Settings

STYLES = {Outcome.PROVEN: "green", Outcome.BROKEN: "bold red", Outcome.UNPROVEN: "yellow"}

ENDS = {
    Outcome.PROVEN: ExitCode.WELL,
    Outcome.BROKEN: ExitCode.FAILED,
    Outcome.UNPROVEN: ExitCode.REFUSED,
}


@audit.command(
    epilog=examples(
        "cio audit verify",
        "cio audit verify --against checkpoint.json --public-key 8a...",
        "cio audit verify --from 100000 --to 200000 --json",
        "cio audit verify --archive archives/main-000000000001-000000200000",
    ),
)
def verify(
    first: Annotated[int, typer.Option("--from", help="First record, by position.", min=1)] = 1,
    last: Annotated[
        int | None, typer.Option("--to", help="Last record, by position; unset, all.", min=1)
    ] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(help="File with checkpoints that you kept; may be repeated.", exists=True),
    ] = None,
    public_key: PublicKeys = None,
    archive: Annotated[
        Path | None,
        typer.Option(
            help="Prove this archive instead, all of it, as `cio audit archive` or `backup` made "
            "it; no database is needed.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove that no record is missing, changed, reordered or there twice.

    It computes the hash of every record anew, follows the chain, and compares every checkpoint,
    those in MongoDB and those you kept. It names the first place that is broken, and every
    checkpoint that does not fit. A part is followed on to the next checkpoint, which proves it.
    What was pruned is named, and is proven with --archive. It only reads. Exit code 0 when the
    record is proven, 1 when it is broken, 2 when it could not be checked: MongoDB is away, no key
    is known, or nothing is signed.
    """
    if archive is not None:
        _verify_archive(archive, against, public_key, as_json)
    try:
        settings = running_settings("mongo_url")
        keys = known_keys(settings, public_key)
        held = held_checkpoints(against, first)
        proof = run_async(_prove(settings, Asked(settings.fund, keys, first, last, held)))
    except Misconfigured as wrong:
        show_misconfigured(wrong)
        raise typer.Exit(ExitCode.REFUSED) from wrong
    except Unavailable as away:
        could_not(f"{away}.", "Nothing is known of the record.")
    outcome = proof.outcome(last or first)
    if as_json:
        print_json(_plain(proof, outcome))
    else:
        _show(proof, outcome, last)
    raise typer.Exit(ENDS[outcome])


async def _prove(settings: Settings, asked: Asked) -> Proof:
    with telling("looking") as told:
        async with open_proof(settings) as source:
            return await prove(source, asked, told)


def _verify_archive(
    folder: Path, against: list[Path] | None, public_key: list[str] | None, as_json: bool
) -> NoReturn:
    """Prove an archive and end."""
    try:
        keys = known_keys(settings_of_environment(), public_key)
        held = held_checkpoints(against)
        with telling("looking") as told:
            found = prove_archive(ArchiveFolder(folder), keys, held, told)
    except Misconfigured as wrong:
        show_misconfigured(wrong)
        raise typer.Exit(ExitCode.REFUSED) from wrong
    except Unavailable as away:
        could_not(f"{away}.", "Nothing is known of the archive.")
    if as_json:
        print_json(_plain_archive(found))
    else:
        _show_archive(found)
    raise typer.Exit(ENDS[found.outcome])


def _plain_archive(found: ArchiveProof) -> dict[str, object]:
    return {
        "outcome": found.outcome,
        "manifest": to_builtins(found.manifest),
        "signed_with_a_known_key": found.is_signed,
        "checkpoints_that_fit": found.proof.checkpoints if found.proof else 0,
        "kept_checkpoints_that_lie_outside": found.outside,
        "faults": found.told,
    }


def _show_archive(found: ArchiveProof) -> None:
    out.print(Text(f"The archive is {found.outcome}.", style=STYLES[found.outcome]))
    manifest = found.manifest
    if manifest is not None:
        stretch = f"records {manifest.first_seq} to {manifest.last_seq} of {manifest.chain}"
        out.print(f"It says that it holds {stretch}, made {manifest.made_at}.", markup=False)
    for one in found.told:
        out.print(f"Broken: {one}.", markup=False)
    if not found.is_signed and found.outcome is Outcome.UNPROVEN:
        out.print("No public key is known: name one with --public-key.")
    if found.outside:
        out.print(f"{found.outside} checkpoints that you kept are about other records.")


def _plain(proof: Proof, outcome: Outcome) -> dict[str, object]:
    return {
        "outcome": outcome,
        "chain": proof.chain,
        "records": proof.records,
        "last_record": proof.head.seq,
        "proven_until": proof.proven_until,
        "archived_until": proof.archived_until,
        "kept_checkpoints_of_archived_records": proof.earlier,
        "newest_checkpoint": as_fields(proof.newest) if proof.newest else None,
        "checkpoints_that_fit": proof.checkpoints,
        "checkpoints_not_checked": proof.unsigned,
        "checkpoints_that_do_not_fit": proof.misfits,
        "misfits": [asdict(one) for one in proof.told],
        "broken_places": proof.faults,
        "first_fault": asdict(proof.first_fault) if proof.first_fault else None,
    }


def _show(proof: Proof, outcome: Outcome, last: int | None) -> None:
    out.print(Text(f"The record of {proof.chain} is {outcome}.", style=STYLES[outcome]))
    out.print(f"{proof.records} records looked at, {proof.checkpoints} checkpoints fit.")
    fault = proof.first_fault
    if fault:
        named = f" ({fault.record})" if fault.record else ""
        out.print(f"Record {fault.seq}{named} is {fault.kind}: {fault.detail}.", markup=False)
        if proof.faults > 1:
            out.print(f"{proof.faults - 1} more places are broken.")
    for one in proof.told:
        signed = f"The checkpoint of record {one.seq}, {one.at}, key {one.key_id}"
        out.print(f"{signed}, does not fit: {one.detail}.", markup=False)
    if proof.archived_until:
        out.print(f"Records 1 to {proof.archived_until} are in archives: verify those apart.")
    if proof.earlier:
        out.print(f"{proof.earlier} checkpoints that you kept are about records in archives.")
    if outcome is not Outcome.BROKEN:
        _show_reach(proof, last)


def _show_reach(proof: Proof, last: int | None) -> None:
    if proof.unsigned and not proof.keys:
        out.print("No public key is known: name one with --public-key.")
    elif proof.newest is None:
        out.print("No checkpoint is there to prove it by.")
    else:
        at = proof.newest.at.isoformat(timespec="seconds")
        out.print(f"The newest checkpoint is that of record {proof.newest.seq}, signed {at}.")
    behind = proof.head.seq - proof.proven_until
    if proof.proven_until and behind:
        out.print(f"{behind} records after it are chained, but not signed yet.")
