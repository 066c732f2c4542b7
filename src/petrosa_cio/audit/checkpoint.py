"""A checkpoint: the end of the chain at one moment, signed. Pure, but for the key it is handed.

Whoever holds one, outside of the store, can tell later whether the chain still says what it said:
the hash stands for every record up to it. It is signed with ed25519, so that nobody without the key
can make one for a chain of their own.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson
from nacl.encoding import RawEncoder
from nacl.exceptions import CryptoError
from nacl.signing import SigningKey, VerifyKey

from petrosa_cio.audit.chain import whole_ms, written_instant
from petrosa_cio.ports import Head

SEED_BYTES = 32

_PURPOSE = b"petrosa-cio checkpoint 1\n"
"""Stands before what is signed, so that a signature for one purpose is none for another."""

_KEY_ID_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The signed end of a chain.

    Attributes:
        chain: The fund whose chain it is.
        seq: Position of its last record.
        hash: Hash of that record.
        at: When it was signed, aware UTC, to the millisecond.
        key_id: Which key signed it, as `key_id_of` names it.
        signature: The ed25519 signature, base64; empty before it is signed.
    """

    chain: str
    seq: int
    hash: str
    at: datetime
    key_id: str
    signature: str = ""

    @property
    def signed_bytes(self) -> bytes:
        """What is signed: its purpose, then everything but the signature, keys in order."""
        unsigned = {name: value for name, value in as_fields(self).items() if name != "signature"}
        return _PURPOSE + orjson.dumps(unsigned, option=orjson.OPT_SORT_KEYS)


class Signer:
    """Signs checkpoints, and what else is said of the chain, with one key."""

    def __init__(self, seed: bytes) -> None:
        """Take the 32 bytes that the key is made of. Raises ValueError for any other number."""
        self._key = SigningKey(seed, encoder=RawEncoder)

    @property
    def public_key(self) -> bytes:
        """What others check signatures with; no secret."""
        return bytes(self._key.verify_key)

    def sign(self, chain: str, head: Head, at: datetime) -> Checkpoint:
        """Return the checkpoint of a chain's end."""
        key_id = key_id_of(self.public_key)
        unsigned = Checkpoint(chain, head.seq, head.hash, whole_ms(at), key_id)
        return replace(unsigned, signature=self.signature_of(unsigned.signed_bytes))

    def signature_of(self, signed_bytes: bytes) -> str:
        """Return the ed25519 signature of some bytes, base64. They begin with their purpose."""
        return b64encode(self._key.sign(signed_bytes).signature).decode("ascii")


def key_id_of(public_key: bytes) -> str:
    """Return the short name of a public key: the beginning of its SHA-256."""
    return sha256(public_key).hexdigest()[:_KEY_ID_DIGITS]


def is_signed_with(checkpoint: Checkpoint, public_key: bytes) -> bool:
    """Return whether a checkpoint carries the signature of a key over what it says."""
    return is_signature(checkpoint.signature, public_key, checkpoint.signed_bytes)


def is_signature(signature: str, public_key: bytes, signed_bytes: bytes) -> bool:
    """Return whether this is a key's signature of some bytes, base64, as `Signer` writes it."""
    try:
        raw = b64decode(signature, validate=True)
        VerifyKey(public_key).verify(signed_bytes, raw)
    except (CryptoError, ValueError, TypeError):
        return False
    return b64encode(raw).decode("ascii") == signature  # the last digit has bits that say nothing


def as_fields(checkpoint: Checkpoint) -> dict[str, object]:
    """Return what a checkpoint states, its instant as text."""
    return asdict(checkpoint) | {"at": written_instant(checkpoint.at)}


def written_checkpoint(checkpoint: Checkpoint) -> bytes:
    """Return a checkpoint as JSON on one line: what is announced, and what people keep."""
    return orjson.dumps(as_fields(checkpoint))


def read_checkpoint(fields: Mapping[str, Any]) -> Checkpoint:
    """Return the checkpoint that an object states, from a file or from the store.

    Raises:
        ValueError: It is none.
    """
    try:
        seq, at = fields["seq"], fields["at"]
        texts = {name: fields[name] for name in ("chain", "hash", "key_id", "signature")}
        at = at if isinstance(at, datetime) else datetime.fromisoformat(at)
    except (KeyError, TypeError) as error:
        raise ValueError(f"no checkpoint: {type(error).__name__} {error}") from error
    counts = isinstance(seq, int) and not isinstance(seq, bool)
    if not counts or not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("no checkpoint: seq is a whole number, everything else is text")
    written_instant(at)
    return Checkpoint(seq=int(seq), at=at, **texts)


def read_checkpoints(content: bytes) -> list[Checkpoint]:
    """Return the checkpoints that a file holds: one JSON object, or one a line.

    Raises:
        ValueError: It holds something else, or nothing.
    """
    try:
        objects = [orjson.loads(content)]
    except orjson.JSONDecodeError:
        objects = [orjson.loads(line) for line in content.splitlines() if line.strip()]
    if not objects or not all(isinstance(one, dict) for one in objects):
        raise ValueError("no checkpoint: expected a JSON object, or one a line")
    return [read_checkpoint(one) for one in objects]
