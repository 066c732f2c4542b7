"""``cio audit``: prove the record, hold its checkpoints, and say who may write it."""

from base64 import b64encode
from pathlib import Path
from typing import Annotated

import typer

from petrosa_cio.audit.checkpoint import key_id_of, read_checkpoint, written_checkpoint
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.help_pages import HelpPages
from petrosa_cio.cli.options import LOOK, AsJson, examples
from petrosa_cio.cli.root import app, run_async, running_settings, settings_of_environment
from petrosa_cio.cli.showing import err, out, print_json, show_problem
from petrosa_cio.errors import Misconfigured, Problem
from petrosa_cio.launch import (
    RECORD_USER,
    Initialised,
    init_record,
    new_audit_key,
    newest_checkpoint,
)
from petrosa_cio.servers import audit_signer

audit = typer.Typer(cls=HelpPages, no_args_is_help=True)
app.add_typer(
    audit,
    name="audit",
    rich_help_panel=LOOK,
    help="Prove the record, hold its checkpoints, and say who may write it.",
)


@audit.command(
    epilog=examples("cio audit init", "cio audit init mongodb://root:...@mongo:27017/ --user cio"),
)
def init(
    admin_url: Annotated[
        str | None,
        typer.Argument(
            help="MongoDB, signed in as somebody who may make collections, roles and users; "
            "unset, CIO_MONGO_ADMIN_URL, which no list of processes shows.",
        ),
    ] = None,
    user: Annotated[str, typer.Option(help="Name of the user to make.")] = RECORD_USER,
    password_file: Annotated[
        Path | None,
        typer.Option(
            help="File with the user's password; unset, a new user gets one that is shown once.",
            exists=True,
        ),
    ] = None,
    prune_user: Annotated[
        str | None,
        typer.Option(help="Name of a user to make who may delete, for `cio audit prune`."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make what the record needs in MongoDB, and a user who may only insert and find there.

    It makes the collections with their schemas and indexes, the roles cio_record and cio_prune, and
    the user; all of it may be repeated. Sign in as that user afterwards: the record role refuses
    one who could change or delete records. With --prune-user it makes another, who has the role
    cio_prune and may delete; only `cio audit prune` signs in as that one. Exit code 0 when it
    stands, 1 when MongoDB is away or refuses.
    """
    settings = settings_of_environment()
    url = admin_url or settings.mongo_admin_url
    if url is None:
        message = "it is not set, and no address was given"
        mend = (
            "Name MongoDB as somebody who may make roles: mongodb://<user>:<password>@host:27017/"
        )
        raise Misconfigured([Problem("CIO_MONGO_ADMIN_URL", message, mend)])
    password = None if password_file is None else password_file.read_text("utf-8").strip()
    done = run_async(init_record(settings, url, user, password, prune_user))
    if as_json:
        print_json(done)
    else:
        _show_done(done)


def _show_done(done: Initialised) -> None:
    for line in done.done:
        out.print(line, markup=False)
    if done.password:
        out.print(f"password of {done.user}: {done.password}", markup=False)
        err.print("It is not shown again.")
    if done.prune_password:
        out.print(f"password of {done.prune_user}: {done.prune_password}", markup=False)
    where = f"PASSWORD@HOST/{done.database}?authSource={done.database}"
    out.print(f"CIO_MONGO_URL: mongodb://{done.user}:{where}", markup=False)
    if done.prune_user:
        out.print(f"CIO_MONGO_PRUNE_URL: mongodb://{done.prune_user}:{where}", markup=False)


@audit.command(epilog=examples("cio audit key", "cio audit key --new audit.key"))
def key(
    new: Annotated[
        Path | None, typer.Option("--new", help="Make a new key in this file, for its owner alone.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the public key with which others check checkpoints, and its short name.

    The key itself is the file that CIO_AUDIT_KEY_FILE names, or audit.key in the data folder; it
    is never shown. Whoever has it can sign a record of their own making. Exit code 0, 78 when
    there is no key.
    """
    settings = settings_of_environment()
    if new is not None:
        settings = new_audit_key(settings, new)
    signer = audit_signer(settings)
    if signer is None:
        mend = "Make one with `cio audit key --new FILE`, and name it."
        raise Misconfigured([Problem("CIO_AUDIT_KEY_FILE", "no key is set", mend)])
    public = signer.public_key
    shown = {
        "key_id": key_id_of(public),
        "public_key": public.hex(),
        "base64": b64encode(public).decode(),
    }
    if as_json:
        print_json(shown)
    else:
        out.print(f"key id      {shown['key_id']}\npublic key  {shown['public_key']}")


@audit.command(epilog=examples("cio audit checkpoint > checkpoint.json"))
def checkpoint() -> None:
    """Print the newest checkpoint as JSON, to be kept where this program cannot reach it.

    `cio audit verify --against` compares it with the record later. Exit code 0, 1 when there is
    none yet or MongoDB is away.
    """
    fields = run_async(newest_checkpoint(running_settings("mongo_url")))
    if fields is None:
        show_problem("Nothing is signed yet.", "Is there a key? See `cio audit key`.")
        raise typer.Exit(ExitCode.FAILED)
    out.print(written_checkpoint(read_checkpoint(fields)).decode(), soft_wrap=True, markup=False)
