"""The ledger in Redis: a Lua script for each step, so that every step is atomic for all replicas.

The rules are in `lua/`, commented where they stand; here values become arguments, and answers
become values. `petrosa_cio.adapters.memory_ledger` is the same ledger in plain Python.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import orjson
from msgspec import Struct, msgpack
from redis.asyncio import Redis

from petrosa_cio.adapters.redis_script import Script, ScriptRunner
from petrosa_cio.errors import LedgerLost
from petrosa_cio.ports import Governed, LeftOpen, Move, Moved, Remembered, Settlement
from petrosa_cio.risk.claims import (
    MAX_UNITS,
    Claim,
    DecisionState,
    Opponent,
    RateClaim,
    Readings,
    Reserved,
    ReserveRequest,
)

SHARED: Final = ("hashes", "events", "openings", "ledger")
RESERVE: Final = Script("clock", "marked", *SHARED, "prices", "requests", "reserve")
BEGIN: Final = Script("clock", "marked", *SHARED, "begin")
FINISH: Final = Script("clock", "marked", *SHARED, "finish")
SETTLE: Final = Script("clock", "marked", *SHARED, "settle")
SWEEP: Final = Script("clock", "marked", *SHARED, "sweep")
HOLDINGS: Final = Script("clock", "marked", *SHARED, "holdings")
RESTORE: Final = Script("clock", "unmarked", *SHARED, "restore")
SEAL: Final = Script("clock", "unmarked", *SHARED, "seal")
INITIALISE: Final = Script("clock", "initialise")

NOTHING_FITS: Final = -1

STATES: Final = {state.value.encode(): state for state in DecisionState}


class RedisLedger:
    """Grants what is shared and limited, atomically for all replicas, and remembers decisions.

    Args:
        client: From `petrosa_cio.adapters.redis_connection.connect_redis`.
        fund: The fund whose ledger this is.
        timeout_s: Longest time a call may take.
        clock_ms: Replaces the server's own clock, epoch milliseconds; in tests only.

    Every method raises `Unavailable` when Redis is away, slow or broken, and, but for
    ``initialise``, `LedgerLost` when the generation marker is missing; then nothing was changed.
    """

    def __init__(
        self,
        client: Redis,
        fund: str,
        *,
        timeout_s: float = 0.5,
        clock_ms: Callable[[], int] | None = None,
    ) -> None:
        self._runner = ScriptRunner(client, fund, timeout_s=timeout_s, clock_ms=clock_ms)

    async def initialise(self, *, fresh: bool) -> str:
        """Mark the ledger as trustworthy unless it is already, and return its generation.

        Args:
            fresh: True when the caller knows that there was no ledger before: the fund's trading
                state becomes ``active``, unless somebody has stated it.
        """
        answer = await self._runner.run(INITIALISE, secrets.token_hex(8), int(fresh))
        return str(answer.decode())

    async def is_lost(self) -> bool:
        """Return whether the generation marker is missing."""
        return not await self._runner.is_marked()

    async def restore(self, remembered: Sequence[Remembered]) -> bool:
        """Give a lost ledger back what was remembered; return False if it is in use again."""
        return await self._runner.run(RESTORE, _batch(remembered)) is not None

    async def seal(self, governed: Governed) -> bool:
        """End the rebuilding of a lost ledger; return False if it is in use again already."""
        generation = secrets.token_hex(8)
        return await self._runner.run(SEAL, generation, orjson.dumps(governed)) is not None

    async def reserve(self, requests: Sequence[ReserveRequest]) -> list[Reserved]:
        """Ask for a batch, walked in order."""
        if not requests:
            return []
        answer = await self._run(RESERVE, _requested(requests))
        return [_reserved(one) for one in _read_answers(answer)]

    async def begin(self, moves: Sequence[Move], *, owner: str) -> list[Moved]:
        """Move decisions out of ``reserved``; only the winner of each may act on it."""
        if not moves:
            return []
        return list(_read_moved(msgpack.decode(await self._run(BEGIN, _batch(moves), owner))))

    async def finish(self, moves: Sequence[Move], *, undelivered: frozenset[str]) -> None:
        """Mark begun decisions as done; release the reservations of undelivered ones."""
        if moves:
            await self._run(FINISH, _batch(moves), msgpack.encode(list(undelivered)))

    async def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """Apply execution outcomes; each answer tells whether it was applied (not seen before)."""
        if not settlements:
            return []
        answers = await self._run(SETTLE, _batch(settlements))
        return [answer is not None for answer in answers]

    async def sweep(self) -> list[LeftOpen]:
        """Withdraw decisions of the door that were left open; return what nobody recorded."""
        found = iter(await self._run(SWEEP))
        return [
            LeftOpen(decision_id.decode(), taken_at_ms, STATES[state], detail.decode())
            for decision_id, taken_at_ms, state, detail in zip(
                found, found, found, found, strict=True
            )
        ]

    async def exposure(self) -> dict[str, int]:
        """Return units in use by counter, without those of which nothing is in use."""
        exposure, _ = await self._run(HOLDINGS)
        return _pairs(exposure)

    async def reservations(self) -> dict[str, int]:
        """Return the most units that each open decision holds of any counter, by decision id."""
        _, reservations = await self._run(HOLDINGS)
        return _pairs(reservations)

    async def _run(self, script: Script, *arguments: str | bytes) -> Any:
        answer = await self._runner.run(script, *arguments)
        if answer is None:
            raise LedgerLost
        return answer


def _batch(
    values: Sequence[Move] | Sequence[Settlement] | Sequence[Remembered],
) -> bytes:
    """Return values as MessagePack with their own field names, by which the scripts know them."""
    return msgpack.encode(values)


def _requested(requests: Sequence[ReserveRequest]) -> bytes:
    """Return requests as MessagePack, as `lua/requests.lua` reads them.

    Intents of one strategy and symbol share their rates; said once they cost little. What the
    ledger does not read, codes and policy entries, is not said at all.
    """
    rates: dict[int, RateClaim] = {}
    tests: dict[tuple[int, ...], int] = {}
    asked = []
    for one in requests:
        same = tuple(map(id, one.rates))
        test = tests.get(same)
        if test is None:
            test = tests[same] = len(tests) + 1
            rates.update(zip(same, one.rates, strict=True))
        asked.append(_asked(one, test))
    places = {same: place for place, same in enumerate(rates, start=1)}
    return msgpack.encode(
        (asked,
         [(one.counter, one.ceiling, one.window_ms, one.of_held, one.pauses)
          for one in rates.values()],
         [[places[one] for one in test] for test in tests])
    )  # fmt: skip


def _asked(one: ReserveRequest, test: int) -> tuple[object, ...]:
    claims: list[object] = []
    sums: list[object] = []
    for claim in one.claims:
        if claim.members:
            ceiling = _ceiling(claim)
            sums += claim.members, claim.amount, MAX_UNITS if ceiling is False else ceiling
        else:
            claims += claim.counter, claim.amount, _ceiling(claim)
    drift = one.drift and (one.drift.symbol, one.drift.price, one.drift.lowest, one.drift.highest)
    return (
        one.decision_id, one.taken_at_ms, one.identity, one.digest, one.strategy, one.token,
        one.hold, claims, test, one.resumable, one.from_door, one.opposite, drift,
        one.override_id, *((sums,) if sums else ()),
    )  # fmt: skip


def _ceiling(claim: Claim) -> int | bool:
    """Return up to where a counter may go; below what is there where nothing more fits at all."""
    if claim.floor and not claim.fits(0):
        return NOTHING_FITS
    return False if claim.ceiling is None else claim.ceiling


class _Read(Struct, array_like=True, gc=False):
    """Readings as `lua/reserve.lua` says them; where there is nothing it says false.

    What stands after ``rates`` is missing where an older version of the program left them.
    """

    held: bool
    time_ms: int
    first: str | bool
    first_verdict: str
    same_content: bool
    holder: str | bool
    used: tuple[int, ...]
    rates: tuple[int, ...]
    opponent: tuple[str, int, bool] | bool = False
    lowest: str | bool = False
    highest: str | bool = False
    paused: bool = False
    override_used_by: str | bool = False


class _Answer(Struct, array_like=True, gc=False):
    """The answer to one request, likewise."""

    state: DecisionState
    detail: str
    since_ms: int
    resumable: str | bool
    readings: _Read


_read_answers = msgpack.Decoder(list[_Answer]).decode


def _reserved(answer: _Answer) -> Reserved:
    read = answer.readings
    opponent, lowest, highest = read.opponent, read.lowest, read.highest
    readings = Readings(
        read.held,
        read.used,
        read.rates,
        read.time_ms,
        _or_none(read.first),
        read.first_verdict,
        read.same_content,
        _or_none(read.holder),
        Opponent(*opponent) if isinstance(opponent, tuple) else None,
        (lowest, highest) if isinstance(lowest, str) and isinstance(highest, str) else None,
        read.paused,
        _or_none(read.override_used_by),
    )
    return Reserved(
        readings, answer.state, _or_none(answer.resumable), answer.detail, answer.since_ms
    )


def _or_none(said: str | bool) -> str | None:
    return said if isinstance(said, str) else None


def _read_moved(answers: Sequence[Any]) -> Iterator[Moved]:
    for won, state, detail in zip(answers[::3], answers[1::3], answers[2::3], strict=True):
        yield Moved(won, DecisionState(state), detail)


def _pairs(answer: Sequence[Any]) -> dict[str, int]:
    return {
        name.decode(): int(units) for name, units in zip(answer[::2], answer[1::2], strict=True)
    }
