"""Signed policies: who may say that a policy is in force, and how a gate tells. Pure.

What is signed is a *statement*: this document, as this revision of this fund, after that one. It is
signed with ed25519 and goes wherever the document goes. A gate takes a policy only with a statement
about it by a key that it was told to trust; so whoever can write the store, but has no key, can
keep a gate from trading and never make it trade by other rules.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Protocol

import orjson
from nacl.encoding import RawEncoder
from nacl.exceptions import CryptoError
from nacl.signing import SigningKey, VerifyKey

from petrosa_cio.audit.chain import written_instant
from petrosa_cio.audit.checkpoint import key_id_of
from petrosa_cio.ports import ActivePolicy, PolicyRevision

_PURPOSE = b"petrosa-cio policy 1\n"
"""Stands before what is signed, so that a signature for one purpose is none for another."""


@dataclass(frozen=True, slots=True)
class Statement:
    """That a document is a revision of a fund's policy.

    Attributes:
        fund: The fund.
        revision: The revision.
        parent: The revision it was made of; 0 for the first.
        document_hash: SHA-256 of the document's canonical JSON, hexadecimal.
        tightened_revision: The newest revision, up to this one, that was tighter in any field.
        at: When it was signed, as text in UTC, to the millisecond.
    """

    fund: str
    revision: int
    parent: int
    document_hash: str
    tightened_revision: int
    at: str

    @property
    def signed_bytes(self) -> bytes:
        """What is signed: the purpose, then everything that is stated, keys in order."""
        return _PURPOSE + orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS)


class Signable(Protocol):
    """What can be signed."""

    @property
    def signed_bytes(self) -> bytes:
        """What is signed, behind a purpose that nothing else has."""


class PolicySigner:
    """Signs policies with one key."""

    def __init__(self, seed: bytes) -> None:
        """Take the 32 bytes that the key is made of. Raises ValueError for any other number."""
        self._key = SigningKey(seed, encoder=RawEncoder)

    @property
    def public_key(self) -> bytes:
        """What gates check signatures with; no secret."""
        return bytes(self._key.verify_key)

    @property
    def key_id(self) -> str:
        """The short name of the key."""
        return key_id_of(self.public_key)

    def sign(self, statement: Signable) -> str:
        """Return the signature of a statement, base64."""
        return b64encode(self._key.sign(statement.signed_bytes).signature).decode("ascii")


class TrustedKeys:
    """The keys whose word counts for one fund."""

    def __init__(self, fund: str, public_keys: Iterable[bytes]) -> None:
        """Take the fund, and the public keys, of 32 bytes each."""
        self._fund = fund
        self._keys = {key_id_of(key): VerifyKey(key) for key in public_keys}

    @property
    def public_keys(self) -> list[bytes]:
        """The keys themselves; no secret."""
        return [bytes(key) for key in self._keys.values()]

    @property
    def fund(self) -> str:
        """The fund."""
        return self._fund

    def signature_problem(self, signed: bytes, key_id: object, signature: str) -> str | None:
        """Return why a signature does not count; None if a trusted key has signed these bytes.

        Args:
            signed: What was signed.
            key_id: The short name of the key, as it is stated.
            signature: The signature, base64.
        """
        key = self._keys.get(key_id) if isinstance(key_id, str) else None
        if key is None:
            return f"it is signed with the key {str(key_id)[:16]}, which is not trusted"
        try:
            key.verify(signed, b64decode(signature))
        except (CryptoError, ValueError, TypeError):
            return "its signature is wrong"
        return None

    def problem_with(self, policy: ActivePolicy) -> str | None:
        """Return why nobody trusted says that this policy is what it claims to be; None if so."""
        try:
            signed = orjson.loads(policy.signed)
            signature, key_id = signed.pop("signature"), signed.pop("key_id")
            b64decode(signature)
            stated = Statement(**signed)
        except (ValueError, TypeError, KeyError, AttributeError):
            return "it is not signed"
        problem = self.signature_problem(stated.signed_bytes, key_id, signature)
        if problem is not None:
            return problem
        if stated.fund != self._fund:
            return f"it is signed for the fund {stated.fund}"
        return None if _is_about(stated, policy) else "its signature is of another revision"


def _is_about(stated: Statement, policy: ActivePolicy) -> bool:
    return (
        stated.revision == policy.revision
        and stated.tightened_revision == policy.tightened_revision
        and stated.document_hash == sha256(policy.document).hexdigest()
    )


def statement_of(revision: PolicyRevision) -> Statement:
    """Return what is signed of a revision."""
    return Statement(
        fund=revision.fund,
        revision=revision.revision,
        parent=revision.parent,
        document_hash=revision.document_hash,
        tightened_revision=revision.tightened_revision,
        at=written_instant(revision.at),
    )


def projected(revision: PolicyRevision) -> ActivePolicy:
    """Return a revision as the store of the gates holds it."""
    said: dict[str, Any] = asdict(statement_of(revision))
    said |= {"key_id": revision.key_id, "signature": revision.signature}
    return ActivePolicy(
        revision=revision.revision,
        tightened_revision=revision.tightened_revision,
        document=revision.document.encode(),
        signed=orjson.dumps(said, option=orjson.OPT_SORT_KEYS),
    )
