"""Shadows as they are made and looked at: named by their whole content, so that none can change."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

from petrosa_cio.errors import PolicyRejected
from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.governance.proposals import Wanted, to_the_millisecond
from petrosa_cio.ports import EndingKind, PolicyRevision, Shadow, ShadowEnding
from petrosa_cio.risk.policy import PolicyDocument, canonical_json

LONGEST: Final = timedelta(days=7)
"""How long a shadow may run. Whoever follows it after a restart decides all of it again."""


class Stage(StrEnum):
    """Where a shadow stands."""

    RUNNING = "running"
    OVER = "over"
    DROPPED = "dropped"
    PROMOTED = "promoted"


_ENDED: Final[Mapping[EndingKind, Stage]] = {
    EndingKind.DROP: Stage.DROPPED,
    EndingKind.PROMOTE: Stage.PROMOTED,
}


def shadow_id_of(shadow: Shadow) -> str:
    """Return the name of a shadow: SHA-256 of all of it but the name, hexadecimal."""
    content = asdict(shadow)
    del content["shadow_id"]
    for moment in ("at", "ends_at"):
        content[moment] = content[moment].isoformat(timespec="milliseconds")
    plain = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(plain.encode()).hexdigest()


def shadowed(
    wanted: Wanted, parent: PolicyRevision, number: int, lasts: timedelta, now: datetime
) -> Shadow:
    """Return the shadow of a change.

    Args:
        wanted: The change.
        parent: The newest revision, which it was made from.
        number: The number that is next.
        lasts: How long it runs.
        now: The moment.

    Raises:
        PolicyRejected: It would run for no time, or for too long.
    """
    if not timedelta() < lasts <= LONGEST:
        raise PolicyRejected([f"a shadow runs for at most {LONGEST.days} days, was {lasts}"])
    at = to_the_millisecond(now)
    unnamed = Shadow(
        shadow_id="",
        fund=parent.fund,
        number=number,
        parent=parent.revision,
        document=canonical_json(wanted.document).decode(),
        author=wanted.author.name,
        role=wanted.author.role.value,
        thought=wanted.thought,
        at=at,
        ends_at=to_the_millisecond(at + lasts),
    )
    return replace(unnamed, shadow_id=shadow_id_of(unnamed))


def candidate_of(shadow: Shadow) -> PolicyDocument:
    """Return the policy that a shadow tries.

    Raises:
        PolicyRejected: It was changed after it was started, or does not read.
    """
    if shadow_id_of(shadow) != shadow.shadow_id:
        raise PolicyRejected([f"shadow {shadow.number} was changed after it was started"])
    return read_policy_document(shadow.document.encode())


def ends(shadow: Shadow, ending: ShadowEnding | None) -> datetime:
    """Return from which moment on a shadow judges nothing any more."""
    return shadow.ends_at if ending is None else min(shadow.ends_at, ending.at)


def stage_of(shadow: Shadow, ending: ShadowEnding | None, now: datetime) -> Stage:
    """Return where a shadow stands."""
    if ending is not None:
        return _ENDED[ending.kind]
    return Stage.RUNNING if now < shadow.ends_at else Stage.OVER
