"""By what the record is proven: public keys, and checkpoints that somebody kept."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from petrosa_cio.audit.checkpoint import Checkpoint, key_id_of, read_checkpoints
from petrosa_cio.audit.verify import Told
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.showing import err, show_problem
from petrosa_cio.servers import audit_signer
from petrosa_cio.settings import Settings

PUBLIC_KEY_BYTES = 32

PublicKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--public-key",
        help="Public key, as `cio audit key` prints it, or a file with it; may be repeated. "
        "Unset, that of this installation.",
    ),
]

OlderKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--public-key",
        help="Public key that signed before that of this installation, as `cio audit key` printed "
        "it, or a file with it; may be repeated.",
    ),
]


def known_keys(
    settings: Settings, stated: list[str] | None, *, with_own: bool = False
) -> Mapping[str, bytes]:
    """Return the public keys that may have signed, by their id.

    Args:
        settings: The settings, for the key of this installation.
        stated: Keys on the command line; where there are none, it is that of this installation.
        with_own: Whether that of this installation counts in any case.

    Raises:
        Exit: One of them is none; it was said.
        Misconfigured: The key of this installation cannot be used.
    """
    texts = list(stated or [])
    if with_own or not texts:
        signer = audit_signer(settings)
        texts += [signer.public_key.hex()] if signer else []
    keys = [_key(one) for one in texts]
    return {key_id_of(one): one for one in keys}


def _key(stated: str) -> bytes:
    with suppress(OSError):
        stated = Path(stated).read_text("ascii", errors="replace").strip()
    with suppress(ValueError):
        key = bytes.fromhex(stated)
        if len(key) == PUBLIC_KEY_BYTES:
            return key
    could_not("A public key is 64 hexadecimal digits.", f"Was {stated[:80]!r}.")


def held_checkpoints(files: list[Path] | None, first: int = 1) -> list[Checkpoint]:
    """Return the checkpoints in files that somebody kept.

    Args:
        files: The files.
        first: Position of the first record that is looked at; none may lie before it.

    Raises:
        Exit: A file holds none, or one lies before ``first``; it was said.
    """
    held = []
    for file in files or []:
        try:
            held += read_checkpoints(file.read_bytes())
        except (OSError, ValueError) as error:
            could_not(f"{file} holds no checkpoint.", str(error))
    if any(one.seq < first for one in held):
        could_not("A checkpoint that you kept lies before --from.", "Leave --from out.")
    return held


def could_not(what: str, detail: str) -> NoReturn:
    """Say that nothing could be looked at, and why, and end."""
    show_problem(what, detail)
    raise typer.Exit(ExitCode.REFUSED)


@contextmanager
def telling(what: str) -> Iterator[Told]:
    """Show a bar on a terminal, and yield what moves it on.

    Args:
        what: What goes on, in a word or two.
    """
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("records")
        yield lambda done, of: bar.update(task, completed=done, total=of)
