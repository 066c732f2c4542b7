"""Signs the end of the chain now and then, stores what it signed, and tells whoever listens.

It fails closed, but records matter more: without a key, or where the chain does not fit what was
signed before, nothing is signed, which is logged and shown, and records go on being stored.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog

from petrosa_cio.audit.checkpoint import (
    Checkpoint,
    Signer,
    as_fields,
    is_signed_with,
    key_id_of,
    read_checkpoint,
    written_checkpoint,
)
from petrosa_cio.audit.patience import heed_cancellation
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import Announcer, Head

log = structlog.get_logger()

ANNOUNCED_ON = "cio.audit.checkpoint"

LOOK_EVERY_S = 1.0


class CheckpointStore(Protocol):
    """Keeps checkpoints, and tells what the chain says at a place."""

    async def newest(self) -> Mapping[str, Any] | None:
        """Return the fields of the checkpoint of the highest position, if there is one."""

    async def hash_at(self, seq: int) -> str | None:
        """Return the hash that a record states, by its position; None where there is none."""

    async def store(self, name: str, fields: Mapping[str, Any]) -> bool:
        """Keep the fields of a checkpoint; return False if one of that name is there."""


class SigningTally(Protocol):
    """Shows how signing goes. None of these may raise or wait."""

    def signed(self, not_signed: int, newest: datetime | None) -> None:
        """Show how many records are not signed, and when the newest checkpoint was made."""

    def refused_to_sign(self) -> None:
        """Count one time that the chain did not fit what was signed before."""

    def unavailable(self, dependency: str) -> None:
        """Count a dependency that was away."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When a checkpoint is due, if there is anything new.

    Attributes:
        records: After so many records.
        seconds: After so many seconds.
    """

    records: int
    seconds: float

    def is_due(self, head: Head, newest: Checkpoint | None, now: datetime) -> bool:
        """Return whether the end of the chain is to be signed now."""
        if newest is None:
            return head.seq > 0
        new = head.seq - newest.seq
        waited_s = (now - newest.at).total_seconds()
        return new >= self.records or (new > 0 and abs(waited_s) >= self.seconds)


class _DoesNotFit(Exception):
    """Internal to this module: the chain is not the one that was signed; says why."""


class Checkpointer:
    """Signs one chain.

    Args:
        chain: The fund whose chain it is.
        signer: The key; None where there is none.
        head: Returns the end of the chain.
        store: Where checkpoints are kept.
        announcer: Tells live watchers.
        rhythm: When a checkpoint is due.
        tally: Shows how it goes.
        clock: The time, aware UTC.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it works with
        self,
        chain: str,
        signer: Signer | None,
        head: Callable[[], Awaitable[Head | None]],
        store: CheckpointStore,
        announcer: Announcer,
        rhythm: Rhythm,
        tally: SigningTally,
        clock: Callable[[], datetime],
    ) -> None:
        self._chain = chain
        self._signer = signer
        self._head = head
        self._store = store
        self._announcer = announcer
        self._rhythm = rhythm
        self._tally = tally
        self._clock = clock

    async def run(self) -> None:
        """Sign whenever it is due, until cancelled."""
        if self._signer is None:
            log.error("no_audit_key", detail="records are stored, but no checkpoint is signed")
        while True:
            try:
                await self.look()
            except Unavailable as away:
                self._tally.unavailable(away.dependency)
            heed_cancellation()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> Checkpoint | None:
        """Sign the end of the chain if it is due; return the checkpoint. Raises Unavailable."""
        head = await self._head() or Head(0, "")
        try:
            newest = await self._newest()
        except _DoesNotFit as why:
            self._refuse(head, str(why))
            return None
        if self._signer and self._rhythm.is_due(head, newest, self._clock()):
            newest = await self._sign(self._signer, head)
        signed_until = newest.seq if newest else 0
        self._tally.signed(max(0, head.seq - signed_until), newest.at if newest else None)
        return newest

    def _refuse(self, head: Head, why: str) -> None:
        log.error("checkpoint_refused", chain=self._chain, seq=head.seq, detail=why)
        self._tally.refused_to_sign()

    async def _newest(self) -> Checkpoint | None:
        """Return the newest checkpoint, which the chain must still fit."""
        fields = await self._store.newest()
        if fields is None:
            return None
        try:
            newest = read_checkpoint(fields)
        except ValueError as error:
            raise _DoesNotFit(str(error)) from error
        if self._is_forged(newest):
            raise _DoesNotFit(f"the checkpoint of record {newest.seq} is not ours")
        if await self._store.hash_at(newest.seq) != newest.hash:
            raise _DoesNotFit(f"record {newest.seq} is not the one that was signed")
        return newest

    def _is_forged(self, newest: Checkpoint) -> bool:
        if newest.chain != self._chain:
            return True
        ours = self._signer.public_key if self._signer else b""
        return newest.key_id == key_id_of(ours) and not is_signed_with(newest, ours)

    async def _sign(self, signer: Signer, head: Head) -> Checkpoint:
        made = signer.sign(self._chain, head, self._clock())
        if await self._store.store(f"{made.seq}:{made.key_id}", asdict(made)):
            log.info("checkpoint", **as_fields(made))
            await self._announcer.announce([(ANNOUNCED_ON, written_checkpoint(made))])
        return made
