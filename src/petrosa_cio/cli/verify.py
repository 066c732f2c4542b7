"""``cio audit verify``: is the record what it was?"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import orjson
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from petrosa_cio.audit.checkpoint import Checkpoint, as_fields, key_id_of, read_checkpoints
from petrosa_cio.audit.proof import Outcome, Proof
from petrosa_cio.audit.verify import Asked, prove
from petrosa_cio.cli.audit import audit
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.options import AsJson, examples
from petrosa_cio.cli.root import run_async, running_settings
from petrosa_cio.cli.showing import err, out, show_misconfigured, show_problem
from petrosa_cio.errors import Misconfigured, Unavailable
from petrosa_cio.launch import open_proof
from petrosa_cio.servers import audit_signer
from petrosa_cio.settings import Settings

ENDS = {
    Outcome.PROVEN: ExitCode.WELL,
    Outcome.BROKEN: ExitCode.FAILED,
    Outcome.UNPROVEN: ExitCode.REFUSED,
}

PUBLIC_KEY_BYTES = 32


@audit.command(
    epilog=examples(
        "cio audit verify",
        "cio audit verify --against checkpoint.json --public-key 8a...",
        "cio audit verify --from 100000 --to 200000 --json",
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
    public_key: Annotated[
        list[str] | None,
        typer.Option(
            help="Public key, as `cio audit key` prints it, or a file with it; may be repeated. "
            "Unset, that of this installation.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove that no record is missing, changed, reordered or there twice.

    It computes the hash of every record anew, follows the chain, and compares every checkpoint,
    those in MongoDB and those you kept. It names the first place that is broken, and every
    checkpoint that does not fit. A part is followed on to the next checkpoint, which proves it. It
    only reads. Exit code 0 when the record is proven, 1 when it is broken, 2 when it could not be
    checked: MongoDB is away, no key is known, or nothing is signed.
    """
    try:
        settings = running_settings("mongo_url")
        keys = _keys(settings, public_key or [])
        held = _held(against or [], first)
        proof = run_async(_prove(settings, Asked(settings.fund, keys, first, last, held)))
    except Misconfigured as wrong:
        show_misconfigured(wrong)
        raise typer.Exit(ExitCode.REFUSED) from wrong
    except Unavailable as away:
        _could_not(f"{away}.", "Nothing is known of the record.")
    outcome = proof.outcome(last or first)
    if as_json:
        out.print_json(orjson.dumps(_plain(proof, outcome)).decode())
    else:
        _show(proof, outcome, last)
    raise typer.Exit(ENDS[outcome])


async def _prove(settings: Settings, asked: Asked) -> Proof:
    columns = (TextColumn("looking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("records")
        async with open_proof(settings) as source:
            return await prove(
                source, asked, lambda done, of: bar.update(task, completed=done, total=of)
            )


def _keys(settings: Settings, stated: list[str]) -> Mapping[str, bytes]:
    if not stated:
        signer = audit_signer(settings)
        stated = [signer.public_key.hex()] if signer else []
    keys = [_key(one) for one in stated]
    return {key_id_of(one): one for one in keys}


def _key(stated: str) -> bytes:
    with suppress(OSError):
        stated = Path(stated).read_text("ascii", errors="replace").strip()
    with suppress(ValueError):
        key = bytes.fromhex(stated)
        if len(key) == PUBLIC_KEY_BYTES:
            return key
    _could_not("A public key is 64 hexadecimal digits.", f"Was {stated[:80]!r}.")


def _held(files: list[Path], first: int) -> list[Checkpoint]:
    held = []
    for file in files:
        try:
            held += read_checkpoints(file.read_bytes())
        except (OSError, ValueError) as error:
            _could_not(f"{file} holds no checkpoint.", str(error))
    if any(one.seq < first for one in held):
        _could_not("A checkpoint that you kept lies before --from.", "Leave --from out.")
    return held


def _could_not(what: str, detail: str) -> NoReturn:
    show_problem(what, detail)
    raise typer.Exit(ExitCode.REFUSED)


def _plain(proof: Proof, outcome: Outcome) -> dict[str, object]:
    return {
        "outcome": outcome,
        "chain": proof.chain,
        "records": proof.records,
        "last_record": proof.head.seq,
        "proven_until": proof.proven_until,
        "newest_checkpoint": as_fields(proof.newest) if proof.newest else None,
        "checkpoints_that_fit": proof.checkpoints,
        "checkpoints_not_checked": proof.unsigned,
        "checkpoints_that_do_not_fit": proof.misfits,
        "misfits": [asdict(one) for one in proof.told],
        "broken_places": proof.faults,
        "first_fault": asdict(proof.first_fault) if proof.first_fault else None,
    }


def _show(proof: Proof, outcome: Outcome, last: int | None) -> None:
    style = {Outcome.PROVEN: "green", Outcome.BROKEN: "bold red", Outcome.UNPROVEN: "yellow"}
    out.print(Text(f"The record of {proof.chain} is {outcome}.", style=style[outcome]))
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
