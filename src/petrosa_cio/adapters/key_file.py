"""The file with the key that signs checkpoints: 64 hexadecimal digits, for its owner alone."""

import os
import secrets
from pathlib import Path
from typing import Final

from petrosa_cio.errors import Misconfigured, Problem

SEED_BYTES: Final = 32

_OWNER_ALONE: Final = 0o600
_OTHERS: Final = 0o077


def read_key(path: Path) -> bytes:
    """Return the seed in a key file.

    Raises:
        Misconfigured: It cannot be read, others may read it, or it holds no key.
    """
    try:
        mode = path.stat().st_mode
        seed = bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise _wrong(path, str(error), "Make one with `cio audit key --new FILE`.") from error
    if mode & _OTHERS:
        raise _wrong(
            path, f"others may use it, its mode is {mode & 0o777:04o}", f"chmod 600 {path}"
        )
    if len(seed) != SEED_BYTES:
        raise _wrong(
            path, f"expected 64 hexadecimal digits, was {2 * len(seed)}", "Make a new one."
        )
    return seed


def make_key(path: Path) -> None:
    """Make a key file, which must not be there yet.

    Raises:
        Misconfigured: It is there, or it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ALONE)
    except OSError as error:
        raise _wrong(path, str(error), "Name a file that is not there yet.") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(SEED_BYTES) + "\n")
        file.flush()
        os.fsync(descriptor)


def _wrong(path: Path, what: str, mend: str) -> Misconfigured:
    return Misconfigured([Problem("CIO_AUDIT_KEY_FILE", f"{path}: {what}", mend)])
