"""A proof reads ahead: while one page is hashed, the next is on its way, and no more than that."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import asdict, dataclass, field

import pytest

from petrosa_cio.audit.proof import Outcome, Proof
from petrosa_cio.audit.verify import Asked, Page, prove
from petrosa_cio.errors import Unavailable
from tests.chains import CHAIN, KEYS, chain_of, signed

PAGE, PAGES = 100, 5
LENGTH = PAGE * PAGES
DOCUMENTS = chain_of(LENGTH)


@dataclass
class Shelf:
    """A record that answers after some turns of the loop, and notes what it was asked for."""

    fails_at: int = 0
    asked: list[int] = field(default_factory=list)
    answered: int = 0
    is_closed: bool = False

    async def last(self, since: int) -> int:
        return LENGTH

    async def signed_until(self) -> int:
        return LENGTH

    async def beginning(self) -> None:
        return None

    async def without_place(self) -> None:
        return None

    async def poisoned(self, name: str) -> None:
        raise NotImplementedError

    async def checkpoints(self, first: int, last: int) -> AsyncIterator[Page]:
        yield [asdict(signed(DOCUMENTS[-1]))]

    async def records(self, first: int, last: int) -> AsyncGenerator[Page]:
        try:
            for page in range(PAGES):
                self.asked.append(page)
                await asyncio.sleep(0)
                if page + 1 == self.fails_at:
                    raise Unavailable("mongo")
                self.answered += 1
                yield DOCUMENTS[page * PAGE : (page + 1) * PAGE]
        finally:
            self.is_closed = True


async def proof_of(shelf: Shelf) -> tuple[Proof, list[tuple[int, int]]]:
    """Return the proof, and after each page how many were asked for and how many followed."""
    seen: list[tuple[int, int]] = []

    def told(done: int, of: int) -> None:
        assert of == LENGTH
        seen.append((len(shelf.asked), done // PAGE))

    return await prove(shelf, Asked(CHAIN, KEYS), told), seen


async def test_the_next_page_is_on_its_way_while_one_is_followed_and_no_more() -> None:
    shelf = Shelf()
    proof, seen = await proof_of(shelf)
    assert (proof.outcome(LENGTH), proof.records) == (Outcome.PROVEN, LENGTH)
    assert seen == [(2, 1), (3, 2), (4, 3), (5, 4), (5, 5)]
    assert shelf.is_closed


@pytest.mark.parametrize("page", range(1, PAGES + 1))
async def test_where_the_store_goes_away_nothing_is_proven(page: int) -> None:
    shelf = Shelf(fails_at=page)
    with pytest.raises(Unavailable):
        await proof_of(shelf)
    assert shelf.answered == page - 1
    assert shelf.is_closed


async def test_who_is_interrupted_leaves_no_reading_behind() -> None:
    shelf = Shelf()
    proving = asyncio.create_task(proof_of(shelf))
    while not shelf.answered:
        await asyncio.sleep(0)
    proving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await proving
    assert shelf.is_closed
