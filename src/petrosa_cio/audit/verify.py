"""Proves a stored record: every record in its place, and every checkpoint against it.

While one page is hashed the next is on its way, so that the store and this program work at once.
"""

import asyncio
from base64 import b64decode
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from petrosa_cio.audit.beginning import Beginning, read_beginning
from petrosa_cio.audit.chain import GENESIS
from petrosa_cio.audit.checkpoint import Checkpoint, read_checkpoint
from petrosa_cio.audit.proof import Proof
from petrosa_cio.audit.trace import KEPT_OF_POISONED, POISONED
from petrosa_cio.ports import Head

Fields = Mapping[str, Any]
Page = Sequence[Fields]

BREATH = 64
"""Records that are hashed between looks at what has arrived of the next page."""


class ProofSource(Protocol):
    """The record as it is proven. Every method raises Unavailable."""

    async def beginning(self) -> Fields | None:
        """Return the newest statement that the chain begins later than at 1, if there is one."""

    async def last(self, since: int) -> int:
        """Return the highest position of a record, likely one from ``since`` on; 0 if none."""

    async def signed_until(self) -> int:
        """Return the highest position of a stored checkpoint; 0 where there is none."""

    async def without_place(self) -> Fields | None:
        """Return a record that states no position, if there is one."""

    def records(self, first: int, last: int) -> AsyncGenerator[Page]:
        """Iterate over the records of some positions, pages of them, the lowest position first."""

    def checkpoints(self, first: int, last: int) -> AsyncIterator[Page]:
        """Iterate over the checkpoints of some positions, pages of them, the lowest first."""

    async def poisoned(self, name: str) -> Fields | None:
        """Return what was set aside under a name, if it is there."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be proven.

    Attributes:
        chain: The fund whose chain it is.
        keys: Public keys that may have signed, by their id.
        first: Position of the first record; what stands before it is not looked at.
        last: Position of the last record; None for all there are.
        held: Checkpoints that were kept elsewhere.
    """

    chain: str
    keys: Mapping[str, bytes]
    first: int = 1
    last: int | None = None
    held: Sequence[Checkpoint] = ()


Told = Callable[[int, int], None]
"""Told how many records were looked at, and of how many."""


def _nobody(_done: int, _of: int) -> None:
    """Tell nobody."""


async def prove(source: ProofSource, asked: Asked, told: Told = _nobody) -> Proof:
    """Follow the chain through a store and say what came of it. Raises Unavailable.

    Where only a part is asked for, it is followed on to the next checkpoint, which is what proves
    it. Records that are stored meanwhile are left out, and so are those that are in an archive by a
    signed statement, whether they are gone from the store or not yet.

    Args:
        source: The record.
        asked: What is to be proven.
        told: Told now and then how far it is.
    """
    proof = Proof(asked.chain, asked.keys)
    first = await _begin(source, proof, asked)
    held = [one for one in asked.held if one.seq >= proof.archived_until]
    proof.earlier = len(asked.held) - len(held)
    # In this order: a checkpoint is stored after its record, so none is ahead of the records.
    signed_until = await source.signed_until()
    end = await source.last(signed_until)
    last = end
    if asked.last is not None:
        last = await _next_signed(source, asked.last, signed_until)
        last = max(last, *(one.seq for one in held), 0)
        signed_until = min(signed_until, last)
    signed = _Signed(proof, held, source.checkpoints(first, signed_until))
    async with aclosing(_read_ahead(source.records(first, last))) as pages:
        async for page in pages:
            await _follow(page, source, signed, proof)
            told(proof.records, last - first + 1)
    await signed.judge_before(None)
    proof.end(end if asked.last is None else asked.last)
    is_whole = asked.first == 1 and asked.last is None
    stray = await source.without_place() if is_whole else None
    if stray is not None:
        proof.take(stray)
    return proof


async def _read_ahead(pages: AsyncGenerator[Page]) -> AsyncGenerator[Page]:
    """Hand out pages, each while the next one is being read. Two are held at a time, no more."""
    async with aclosing(pages):
        reading = asyncio.ensure_future(anext(pages, None))
        try:
            while (page := await reading) is not None:
                reading = asyncio.ensure_future(anext(pages, None))
                yield page
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def _follow(page: Page, source: ProofSource, signed: "_Signed", proof: Proof) -> None:
    for index, document in enumerate(page):
        if not index % BREATH:
            await asyncio.sleep(0)
        await signed.judge_before(_place(document))
        proof.take(document)
        await _look_aside(source, proof, document)


async def stated_beginning(
    source: ProofSource, chain: str, keys: Mapping[str, bytes]
) -> tuple[Beginning | None, str]:
    """Return where a chain begins by a signed statement, or why the statement does not count.

    Raises:
        Unavailable: The store is away.
    """
    fields = await source.beginning()
    if fields is None:
        return None, ""
    try:
        stated = read_beginning(fields)
    except ValueError as error:
        return None, str(error)
    why = stated.fault(chain, keys)
    return (None, why) if why else (stated, "")


async def _begin(source: ProofSource, proof: Proof, asked: Asked) -> int:
    """Set a proof to where it begins, and return the position of its first record."""
    stated, why = await stated_beginning(source, asked.chain, asked.keys)
    if why:
        proof.misstated("beginning", why)
    if stated is not None and asked.first <= stated.seq + 1:
        proof.head, proof.archived_until = stated.head, stated.seq
        return stated.seq + 1
    proof.head = Head(asked.first - 1, "") if asked.first > 1 else GENESIS
    return asked.first


class _Signed:
    """The checkpoints that are stored and those that were held, by position."""

    def __init__(
        self,
        proof: Proof,
        held: Sequence[Checkpoint],
        stored: AsyncIterator[Page],
    ) -> None:
        self._proof = proof
        self._held = sorted(held, key=lambda one: one.seq, reverse=True)
        self._pages = stored
        self._page: list[Checkpoint] = []
        self._is_read = False

    async def judge_before(self, place: float | None) -> None:
        """Compare all checkpoints below a position, or all that are left, with the chain."""
        if not self._page and not self._is_read:
            await self._read()
        while self._page and _is_below(self._page[-1], place):
            self._judge_held(self._page[-1].seq)
            self._proof.judge(self._page.pop())
            if not self._page:
                await self._read()
        self._judge_held(place)

    def _judge_held(self, place: float | None) -> None:
        while self._held and _is_below(self._held[-1], place):
            self._proof.judge(self._held.pop())

    async def _read(self) -> None:
        """Read the next page that holds any checkpoint that reads."""
        while not self._page and not self._is_read:
            page = await anext(self._pages, None)
            self._is_read = page is None
            self._page = [one for one in map(self._read_one, reversed(page or ())) if one]

    def _read_one(self, fields: Fields) -> Checkpoint | None:
        try:
            return read_checkpoint(fields)
        except ValueError as error:
            self._proof.misread(str(fields.get("_id", "")), str(error))
            return None


def _is_below(checkpoint: Checkpoint, place: float | None) -> bool:
    return place is None or checkpoint.seq < place


async def _next_signed(source: ProofSource, last: int, signed_until: int) -> int:
    """Return the position of the first checkpoint from a position on; else that position."""
    async for page in source.checkpoints(last, signed_until):
        return int(page[0]["seq"])
    return last


def _place(document: Fields) -> float:
    place = document.get("seq")
    return place if isinstance(place, (int, float)) else 0


async def _look_aside(source: ProofSource, proof: Proof, document: Fields) -> None:
    """Compare what was set aside with the record that stands in its place."""
    if document.get("kind") != POISONED:
        return
    found = await source.poisoned(str(document.get("aside")))
    if found is None or not is_kept(found, document):
        proof.not_aside(document)


def is_kept(found: Fields, document: Fields) -> bool:
    """Return whether what was set aside has the bytes that the chain names.

    Of a line that is longer than what is kept of one, only their number is compared.
    """
    try:
        raw = b64decode(found["raw"], validate=True)
    except (KeyError, TypeError, ValueError):
        return False
    if document["bytes"] > KEPT_OF_POISONED:
        return len(raw) == KEPT_OF_POISONED
    return bool(sha256(raw).hexdigest() == document["sha256"])
