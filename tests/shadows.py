"""Shadows beside a gate: everything in memory, and a clock that stands until it is moved."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
import orjson

from petrosa_cio.adapters.memory_shadows import MemoryShadows, MemoryTail
from petrosa_cio.audit.trace import read_entries
from petrosa_cio.governance.proposals import Wanted
from petrosa_cio.governance.shadow import ShadowReport, ShadowWalk
from petrosa_cio.governance.shadow.candidate import shadowed
from petrosa_cio.governance.shadow.metrics import Where
from petrosa_cio.governance.shadow.pages import report_of
from petrosa_cio.governance.what_if import Findings
from petrosa_cio.ports import ChainLine, JournalEntry, Shadow
from petrosa_cio.risk.policy import PolicyDocument
from tests.gates import POLICY, House
from tests.policies import ANN, THOUGHT, revision
from tests.replaying import VERSION, charter_change

DAY = timedelta(hours=24)


def candidate(**limits: object) -> PolicyDocument:
    """Return the policy of the house with some limits of the fund stated otherwise."""
    return PolicyDocument.model_validate({"policy": POLICY | {"fund": POLICY["fund"] | limits}})


def shadow_of(
    document: PolicyDocument, at: datetime, *, number: int = 1, lasts: timedelta = DAY
) -> Shadow:
    """Return a shadow of a candidate, made from the first revision."""
    return shadowed(Wanted(ANN, document, THOUGHT), revision(1), number, lasts, at)


def chain_lines(records: Sequence[bytes], after: int, at: datetime) -> list[ChainLine]:
    """Return records as the drain would store them, all journaled at a moment."""
    traces = read_entries([JournalEntry(1, at, tuple(records), "")]).traces
    numbered = enumerate(traces, after + 1)
    return [msgspec.convert(one | {"seq": seq}, ChainLine) for seq, one in numbered]


@dataclass
class Counted:
    """Notes what a shadow tells its tally."""

    running: list[bool] = field(default_factory=list)
    decided: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    failures: list[Where] = field(default_factory=list)
    lag_s: list[float] = field(default_factory=list)

    def runs(self, runs: bool) -> None:
        self.running.append(runs)

    def kept(self, findings: Findings, errors: Mapping[str, int]) -> None:
        self.decided += findings.decided
        self.errors.update(errors)

    def failed(self, where: Where) -> None:
        self.failures.append(where)

    def lags(self, seconds: float) -> None:
        self.lag_s.append(seconds)


class ShadowedHouse:
    """A gate, the chain of what it records, and the walks of shadows along it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.store = MemoryShadows()
        self.tail = MemoryTail()
        self.tally = Counted()
        self.gate = house.gate()
        self.walk = self.new_walk()
        self._drained = 0

    def new_walk(self) -> ShadowWalk:
        """Return a walk that knows nothing yet, as after a restart."""
        charter = charter_change(self.house.charter)
        known = {orjson.loads(charter)["decision_id"]: charter}

        async def find(change_id: str) -> bytes | None:
            return known.get(change_id)

        return ShadowWalk(
            self.store, self.tail, find,
            tally=self.tally, clock=self.house.now, code_version=VERSION,
        )  # fmt: skip

    async def start(self, document: PolicyDocument, **said: object) -> Shadow:
        """Start a shadow now."""
        shadow = shadow_of(document, self.house.now(), **said)  # type: ignore[arg-type]
        assert await self.store.start(shadow)
        return shadow

    async def decide(self, **fields: object) -> None:
        """Let one intent be decided, a second after the one before, and stored at once."""
        await self.house.pass_time(1)
        await self.gate.process([self.house.arrive(**fields)])
        await self.drain()

    async def drain(self, *, journaled_at: datetime | None = None) -> None:
        """Store what was journaled since."""
        records = self.house.journal.records[self._drained :]
        self._drained += len(records)
        at = journaled_at or self.house.now()
        self.tail.add(*chain_lines(records, await self.tail.last(), at))

    async def add_changed(self, fields: Mapping[str, object]) -> None:
        """Store the last record that was journaled once more: of another decision, and changed."""
        record = orjson.loads(self.house.journal.records[-1])
        record |= {"decision_id": f"{record['decision_id']}-2", **fields}
        lines = chain_lines([orjson.dumps(record)], await self.tail.last(), self.house.now())
        self.tail.add(*lines)

    async def look(self, walk: ShadowWalk | None = None) -> None:
        """Let everything settle, and let a walk look."""
        await self.house.pass_time(5)
        await (walk or self.walk).look()

    async def report(self, shadow: Shadow) -> ShadowReport:
        """Return what a shadow found."""
        name = shadow.shadow_id
        flips = await self.store.flips(name, limit=1_000)
        return report_of(await self.store.pages(name), flips)
