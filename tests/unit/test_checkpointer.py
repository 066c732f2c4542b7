from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from petrosa_cio.audit.chain import Document, chained, head_at
from petrosa_cio.audit.checkpoint import Checkpoint, Signer, read_checkpoints
from petrosa_cio.audit.checkpointer import ANNOUNCED_ON, Checkpointer, Rhythm
from petrosa_cio.ports import Head
from tests.chains import CHAIN, SIGNER, chain_of, signed
from tests.fakes import FakeAnnouncer
from tests.records import NOON


@dataclass
class Shown:
    """A tally that is looked at."""

    not_signed: int = 0
    newest: datetime | None = None
    refused: int = 0
    away: list[str] = field(default_factory=list)

    def signed(self, not_signed: int, newest: datetime | None) -> None:
        self.not_signed, self.newest = not_signed, newest

    def refused_to_sign(self) -> None:
        self.refused += 1

    def unavailable(self, dependency: str) -> None:
        self.away.append(dependency)


class Store:
    """A chain, and the checkpoints of it."""

    def __init__(self, length: int = 0) -> None:
        self.chain = chain_of(length)
        self.kept: dict[str, Mapping[str, Any]] = {}
        self.tally = Shown()
        self.announcer = FakeAnnouncer()
        self.now = NOON

    async def head(self) -> Head | None:
        return head_at(self.chain[-1]) if self.chain else None

    async def newest(self) -> Mapping[str, Any] | None:
        return max(self.kept.values(), key=lambda one: int(one["seq"]), default=None)

    async def hash_at(self, seq: int) -> str | None:
        return next((str(one["hash"]) for one in self.chain if one["seq"] == seq), None)

    async def store(self, name: str, fields: Mapping[str, Any]) -> bool:
        if name in self.kept:
            return False
        self.kept[name] = fields
        return True

    def grow(self, number: int) -> None:
        more: list[Document] = [{"_id": f"more{len(self.chain) + one}"} for one in range(number)]
        self.chain += chained(head_at(self.chain[-1]), more)

    def signing(self, signer: Signer | None = SIGNER) -> Checkpointer:
        return Checkpointer(
            CHAIN, signer, self.head, self, self.announcer, Rhythm(10, 60), self.tally,
            lambda: self.now,
        )  # fmt: skip


@pytest.fixture
def store() -> Store:
    return Store(3)


async def test_nothing_is_signed_where_nothing_is() -> None:
    assert await (empty := Store()).signing().look() is None
    assert empty.kept == {}


async def test_the_end_of_the_chain_is_signed_stored_and_announced(store: Store) -> None:
    made = await store.signing().look()
    assert made == signed(store.chain[-1])
    assert list(store.kept.values()) == [asdict(made)]
    [(subject, body)] = store.announcer.heard
    assert subject == ANNOUNCED_ON
    assert read_checkpoints(body) == [made]
    assert (store.tally.not_signed, store.tally.newest) == (0, NOON)


@pytest.mark.parametrize(
    ("grown", "waited_s", "is_due"),
    [(0, 3600, False), (1, 59, False), (1, 60, True), (9, 1, False), (10, 1, True)],
)
async def test_a_checkpoint_is_due_after_so_many_records_or_seconds(
    store: Store, grown: int, waited_s: float, is_due: bool
) -> None:
    await store.signing().look()
    store.grow(grown)
    store.now += timedelta(seconds=waited_s)
    await store.signing().look()
    assert len(store.kept) == 1 + is_due
    assert store.tally.not_signed == (0 if is_due else grown)


async def test_without_a_key_it_is_shown_that_nothing_is_signed(store: Store) -> None:
    assert await store.signing(None).look() is None
    assert (store.tally.not_signed, store.tally.newest) == (3, None)


async def test_a_second_signer_of_the_same_end_changes_nothing(store: Store) -> None:
    one, other = store.signing(), store.signing()
    assert await one.look() == await other.look()
    assert (len(store.kept), len(store.announcer.heard)) == (1, 1)


def forged(good: Checkpoint) -> list[Checkpoint]:
    """Return checkpoints that are not ours."""
    return [
        replace(good, hash="f" * 64),
        replace(good, seq=2),
        replace(good, chain="other"),
        Signer(b"x" * 32).sign(CHAIN, Head(9, "f" * 64), NOON),
        replace(Signer(b"x" * 32).sign(CHAIN, Head(3, good.hash), NOON), key_id=good.key_id),
    ]


@pytest.mark.parametrize("odd", forged(signed(chain_of(3)[-1])), ids=str)
async def test_nothing_is_signed_on_top_of_what_does_not_fit(store: Store, odd: Checkpoint) -> None:
    store.kept["odd"] = asdict(odd)
    store.grow(100)
    assert await store.signing().look() is None
    assert (list(store.kept), store.tally.refused) == (["odd"], 1)


async def test_nothing_is_signed_on_top_of_what_does_not_read(store: Store) -> None:
    store.kept["odd"] = {"seq": 3}
    assert await store.signing().look() is None
    assert store.tally.refused == 1


async def test_a_chain_that_was_made_anew_is_not_signed(store: Store) -> None:
    await store.signing().look()
    store.chain = store.chain[:1]
    store.grow(20)
    assert await store.signing().look() is None
    assert store.tally.refused == 1


async def test_a_new_key_goes_on_where_the_old_one_ended(store: Store) -> None:
    await store.signing().look()
    store.grow(10)
    made = await store.signing(Signer(b"n" * 32)).look()
    assert made is not None
    assert made.seq == 13
