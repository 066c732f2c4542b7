"""The file with a key that signs: 64 hexadecimal digits, for its owner alone."""

import os
import secrets
from pathlib import Path
from typing import Final

from petrosa_cio.errors import Misconfigured, Problem

SEED_BYTES: Final = 32

MAKERS: Final = {
    "CIO_AUDIT_KEY_FILE": "cio audit key",
    "CIO_POLICY_KEY_FILE": "cio policy key",
}
"""The command that makes a key, by the setting that names its file."""

_OWNER_ALONE: Final = 0o600
_OTHERS: Final = 0o077


def read_key(path: Path, field: str) -> bytes:
    """Return the seed in a key file.

    Args:
        path: The file.
        field: The setting that names it, for what is said when it cannot be used.

    Raises:
        Misconfigured: It cannot be read, others may read it, or it holds no key.
    """
    try:
        mode = path.stat().st_mode
        seed = bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        mend = f"Make one with `{MAKERS[field]} --new FILE`."
        raise _wrong(field, path, str(error), mend) from error
    if mode & _OTHERS:
        seen = f"others may use it, its mode is {mode & 0o777:04o}"
        raise _wrong(field, path, seen, f"chmod 600 {path}")
    if len(seed) != SEED_BYTES:
        seen = f"expected 64 hexadecimal digits, was {2 * len(seed)}"
        raise _wrong(field, path, seen, "Make a new one.")
    return seed


def make_key(path: Path, field: str) -> None:
    """Make a key file, which must not be there yet.

    Args:
        path: The file.
        field: The setting that names it, for what is said when it cannot be made.

    Raises:
        Misconfigured: It is there, or it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ALONE)
    except OSError as error:
        raise _wrong(field, path, str(error), "Name a file that is not there yet.") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(SEED_BYTES) + "\n")
        file.flush()
        os.fsync(descriptor)


def _wrong(field: str, path: Path, what: str, mend: str) -> Misconfigured:
    return Misconfigured([Problem(field, f"{path}: {what}", mend)])
