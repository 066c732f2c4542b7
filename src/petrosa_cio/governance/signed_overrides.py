"""Signed overrides: that people lift limits for one order, and how a gate tells. Pure.

What is signed is the whole override, with its fund, by a key that signs policies, behind a purpose
of its own. So whoever can write the store, but has no key, lifts nothing.
"""

from dataclasses import dataclass
from datetime import datetime

import orjson
from msgspec.structs import asdict

from petrosa_cio.governance.signing import PolicySigner, TrustedKeys
from petrosa_cio.risk.overrides import Override, override_problem
from petrosa_cio.risk.reasons import ReasonCode

_PURPOSE = b"petrosa-cio override 1\n"
"""Stands before what is signed, so that a signature for one purpose is none for another."""


@dataclass(frozen=True, slots=True)
class OverrideStatement:
    """That an override counts for a fund.

    Attributes:
        fund: The fund.
        override: The override.
    """

    fund: str
    override: Override

    @property
    def signed_bytes(self) -> bytes:
        """What is signed: the purpose, then everything that is stated, keys in order."""
        return _PURPOSE + orjson.dumps(self.stated, option=orjson.OPT_SORT_KEYS)

    @property
    def stated(self) -> dict[str, object]:
        """Everything that is stated, by name."""
        return {"fund": self.fund, **asdict(self.override)}


class Untrusted(Exception):
    """What is stored as an override is none that counts; the text says why."""


def signed_override(override: Override, fund: str, signer: PolicySigner) -> bytes:
    """Return an override as the store of the gates holds it, signed."""
    statement = OverrideStatement(fund, override)
    said = statement.stated | {"key_id": signer.key_id, "signature": signer.sign(statement)}
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def trusted_override(document: bytes, trusted: TrustedKeys) -> Override:
    """Return the override in a document that somebody trusted has signed.

    Raises:
        Untrusted: It is not signed so, is of another fund, or is none that anybody may approve.
    """
    try:
        said = orjson.loads(document)
        signature, key_id, fund = said.pop("signature"), said.pop("key_id"), said.pop("fund")
        override = _override(said)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Untrusted("it does not read as a signed override") from error
    signed_bytes = OverrideStatement(fund, override).signed_bytes
    problem = trusted.signature_problem(signed_bytes, key_id, signature)
    if problem is None and fund != trusted.fund:
        problem = f"it is signed for the fund {fund}"
    problem = problem or override_problem(override)
    if problem is not None:
        raise Untrusted(problem)
    return override


def _override(said: dict[str, object]) -> Override:
    lifts, approved_by = said.pop("lifts"), said.pop("approved_by")
    moments = {name: said.pop(name) for name in ("proposed_at", "expires_at")}
    if not isinstance(lifts, list) or not isinstance(approved_by, list):
        raise TypeError("lifts and approved_by are lists")
    texts = {name: str(value) for name, value in said.items()}
    proposed_at, expires_at = (datetime.fromisoformat(str(one)) for one in moments.values())
    if proposed_at.tzinfo is None or expires_at.tzinfo is None:
        raise ValueError("its moments state no zone")
    return Override(
        **texts,
        lifts=tuple(map(ReasonCode, lifts)),
        proposed_at=proposed_at,
        expires_at=expires_at,
        approved_by=tuple(map(str, approved_by)),
    )
