"""Where the chain begins in the store, once its oldest records are kept in an archive alone. Pure.

A chain of which the beginning is gone looks like one whose beginning somebody deleted. The
difference is a statement, signed before anything is deleted: up to this record, with this hash, all
is in the archive whose manifest has this hash.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from petrosa_cio.audit.chain import whole_ms, written_instant
from petrosa_cio.audit.checkpoint import Signer, is_signature, key_id_of
from petrosa_cio.ports import Head

_PURPOSE = b"petrosa-cio beginning 1\n"

_TEXTS = ("chain", "hash", "manifest_sha256", "key_id", "signature")


@dataclass(frozen=True, slots=True)
class Beginning:
    """The signed statement that the store need not hold a chain up to some record any more.

    Attributes:
        chain: The fund whose chain it is.
        seq: Position of the last record that may be missing.
        hash: Hash of that record.
        manifest_sha256: SHA-256 of the manifest of the archive that holds it.
        at: When it was stated, aware UTC, to the millisecond.
        key_id: Which key signed it.
        signature: The ed25519 signature, base64; empty before it is signed.
    """

    chain: str
    seq: int
    hash: str
    manifest_sha256: str
    at: datetime
    key_id: str
    signature: str = ""

    @property
    def head(self) -> Head:
        """What the first record that must be there follows."""
        return Head(self.seq, self.hash)

    @property
    def signed_bytes(self) -> bytes:
        """What is signed: its purpose, then everything but the signature, keys in order."""
        said = asdict(self) | {"at": written_instant(self.at)}
        unsigned = {name: value for name, value in said.items() if name != "signature"}
        return _PURPOSE + orjson.dumps(unsigned, option=orjson.OPT_SORT_KEYS)

    def fault(self, chain: str, keys: Mapping[str, bytes]) -> str:
        """Return why it does not count for a chain, in words; empty where it counts.

        Args:
            chain: The fund whose chain is looked at.
            keys: Public keys that may have signed, by their id; where none is known the signature
                is not checked, and nothing is proven either.
        """
        if self.chain != chain:
            return f"it is one of the chain {self.chain}, not of {chain}"
        key = keys.get(self.key_id)
        if keys and key is None:
            return f"it is signed with a key that is not known, {self.key_id}"
        if key is not None and not is_signature(self.signature, key, self.signed_bytes):
            return "its signature is not that of its key"
        return ""


def sign_beginning(
    signer: Signer, chain: str, head: Head, manifest_sha256: str, at: datetime
) -> Beginning:
    """Return the signed statement that a chain is in an archive up to a record."""
    key_id = key_id_of(signer.public_key)
    unsigned = Beginning(chain, head.seq, head.hash, manifest_sha256, whole_ms(at), key_id)
    return replace(unsigned, signature=signer.signature_of(unsigned.signed_bytes))


def read_beginning(fields: Mapping[str, Any]) -> Beginning:
    """Return the statement that a document of the store makes.

    Raises:
        ValueError: It makes none.
    """
    texts = {name: fields.get(name) for name in _TEXTS}
    seq, at = fields.get("seq"), fields.get("at")
    is_count = isinstance(seq, int) and not isinstance(seq, bool) and seq > 0
    if not is_count or not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("no beginning: seq is a whole number above 0, everything else is text")
    if not isinstance(at, datetime):
        raise ValueError("no beginning: at is no instant")
    written_instant(at)
    return Beginning(seq=int(fields["seq"]), at=at, **{name: fields[name] for name in _TEXTS})
