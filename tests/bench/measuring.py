"""One measurement: a house of its own, a warm-up, the load, and what came of it."""

import time
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import orjson

from petrosa_cio.adapters.nats_journal import read_journal
from tests.bench.house import EPOCH, House, Rung, house
from tests.bench.intents import STEADY, stated_id
from tests.bench.load import Heard, Plan
from tests.bench.loading import RunningLoad, Tell, loading
from tests.bench.outcome import Answers, Evidence, Journaled, problems
from tests.bench.policies import Limits
from tests.bench.usage import Usage, Watch

PATIENCE_S = 30.0
WARM_UP = 300
WARM_UP_RATE = 300


class Kind(StrEnum):
    """How the load comes."""

    PACED = "paced"
    BURST = "burst"
    BACKLOG = "backlog"


@dataclass(frozen=True, slots=True)
class Case:
    """What is measured.

    Attributes:
        rung: On which rung.
        kind: How the load comes: at a rate, all at once, or before the gate starts.
        intents: How many.
        rate: Intents a second, of a paced load.
        replicas: How many gates share them.
        mix: What is sent, see `tests.bench.intents.maker`.
        limits: What the policy states.
    """

    rung: Rung
    kind: Kind
    intents: int
    rate: int | None = None
    replicas: int = 1
    mix: str = STEADY
    limits: Limits = Limits.EVERY

    @property
    def title(self) -> str:
        """What it is, in a few words."""
        load = f"{self.rate}/s" if self.rate else str(self.kind)
        mixed = "" if self.mix == STEADY else f", {Path(self.mix).name}"
        sent = f"{load} of {self.intents}{mixed}"
        return f"rung {int(self.rung)}, {self.limits} limits, {sent}, {self.replicas} gate"


@dataclass(frozen=True, slots=True)
class Measured:
    """A measurement and what came of it.

    Attributes:
        case: What was measured.
        answers: What was heard.
        usage: What the machine did meanwhile.
        problems: What may not be; empty for a sound measurement.
        captured_s: Time from the start until the stream had the last intent, where one captures.
    """

    case: Case
    answers: Answers
    usage: Usage
    problems: list[str]
    captured_s: float | None = None


async def measure(case: Case, folder: Path, tell: Tell) -> Measured:
    """Measure one case in a new folder.

    Raises:
        RuntimeError: A gate or the load ended; with what it said.
        AssertionError: A gate did not get ready, or the stream did not get the intents, in time.
    """
    async with house(folder, case.rung, case.limits) as found:
        first = 0 if case.kind is Kind.BACKLOG else WARM_UP
        measuring = _Measuring(case, found, first, tell)
        if case.kind is Kind.BACKLOG:
            heard, usage = await measuring.backlog()
        else:
            await found.start(case.replicas)
            heard, usage = await measuring.live()
        journaled = captured_s = None
        if case.rung is Rung.SHIPPED:
            journaled = await _journaled(found)
            captured_s = round(max(await found.last_captured_at() - heard.began_at, 0.0), 3)
        evidence = Evidence(
            await measuring.ids(), heard, journaled, has_verdicts=case.rung is not Rung.RELAY
        )
        judged = evidence.answers([_due_at(case, heard, number) for number in range(case.intents)])
        return Measured(case, judged, usage, problems(judged), captured_s)


def _due_at(case: Case, heard: Heard, number: int) -> float:
    return heard.began_at + (number / case.rate if case.rate else 0.0)


async def _journaled(found: House) -> Journaled:
    """Read the whole journal."""
    seen = Journaled()
    async for entry in read_journal(found.client, since=EPOCH):
        for line in entry.records:
            seen.add(orjson.loads(line))
    return seen


def _in_silence(_sent: int, _answers: int) -> None:
    """Tell nobody: this is not what is measured."""


class _Measuring:
    """The steps of one measurement."""

    def __init__(self, case: Case, found: House, first: int, tell: Tell) -> None:
        self._case, self._house, self._first, self._tell = case, found, first, tell

    async def live(self) -> tuple[Heard, Usage]:
        """Warm the gates up, then load them."""
        case = self._case
        async with self._load(first=0, send=WARM_UP, rate=WARM_UP_RATE) as warming:
            await warming.heard(_in_silence)
        ours = self._load(first=self._first, send=case.intents, rate=case.rate)
        async with Watch(lambda: self._house.pids) as watch, ours as load:
            heard = await load.heard(self._tell)
            return heard, watch.usage(heard)

    async def backlog(self) -> tuple[Heard, Usage]:
        """Fill the stream, and only then start the gates: the clock runs from there."""
        case = self._case
        async with self._load(first=0, send=case.intents, rate=None, await_=0) as filling:
            await filling.heard(self._tell)
        await self._house.captured(case.intents)
        async with self._load(first=0, send=0, rate=None, await_=case.intents) as listening:
            await listening.is_listening()
            async with Watch(lambda: self._house.pids) as watch:
                began_at = time.monotonic()
                self._house.launch(case.replicas)
                heard = await listening.heard(self._tell)
                heard.began_at = began_at
                return heard, watch.usage(heard)

    async def ids(self) -> list[str]:
        """Return the ids by which the answers name the intents, in the order of sending."""
        if self._case.rung is Rung.RELAY:
            return [stated_id(self._first + number) for number in range(self._case.intents)]
        return list(await self._house.decision_ids(self._first, self._case.intents))

    def _load(
        self, *, first: int, send: int, rate: int | None, await_: int | None = None
    ) -> AbstractAsyncContextManager[RunningLoad]:
        relays = self._case.rung is Rung.RELAY
        return loading(
            Plan(
                url=self._house.nats.url,
                mix=self._case.mix,
                first=first,
                send=send,
                await_=send if await_ is None else await_,
                rate=rate,
                id_field="intent_id" if relays else "decision_id",
                answer="signals." if relays else "cio.verdict.",
                patience_s=PATIENCE_S,
                heard_file=str(self._house.folder / "heard.json"),
            )
        )
