from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from petrosa_cio.adapters.memory_held import MemoryHeld
from petrosa_cio.audit.settlement import SettlementOutcome
from petrosa_cio.audit.settler import Settler
from petrosa_cio.errors import Unavailable
from petrosa_cio.fleet.execution_events import parse_execution
from petrosa_cio.ports import Delivery
from tests.ledgers import LedgerUnderTest, claim, memory_ledger, request
from tests.records import NOON

FILL = (
    b'{"event_type": "filled", "decision_id": "d1", "order_id": "4711", "symbol": "BTCUSDT",'
    b' "side": "buy", "fill_qty": 0.5, "fill_price": 100}'
)


@dataclass
class Stream:
    """A stream whose acknowledgements get lost, and a tally."""

    outcomes: list[SettlementOutcome] = field(default_factory=list)
    away: list[str] = field(default_factory=list)

    async def next_batch(self, limit: int) -> list[Delivery]:
        return []

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        raise Unavailable("nats")

    async def acknowledged_until(self) -> int:
        return 0

    async def outstanding(self) -> int:
        return 0

    def settled(self, outcome: SettlementOutcome) -> None:
        self.outcomes.append(outcome)

    def unavailable(self, dependency: str) -> None:
        self.away.append(dependency)


class Contended(MemoryHeld):
    """Another settler is quicker, once."""

    contenders = 1

    async def save(self, version: int, changes: Mapping[str, bytes | None]) -> bool:
        if self.contenders:
            self.contenders -= 1
            await super().save(version, {})
        return await super().save(version, changes)


def delivery(body: bytes) -> Delivery:
    return Delivery("execution.events.s", {}, body, "S", 0, 1, NOON, "")


async def opened() -> LedgerUnderTest:
    subject = memory_ledger()
    await subject.open()
    await subject.ledger.reserve([request("d1", claim(600_000))])
    return subject


async def test_a_lost_acknowledgement_is_no_reason_to_wait() -> None:
    subject, stream = await opened(), Stream()
    settler = Settler(
        stream, stream, ledger=subject.ledger, held=MemoryHeld(), read=parse_execution,
        tally=stream,
    )  # fmt: skip
    await settler.settle([])
    await settler.settle([delivery(FILL), delivery(b"odd")])
    await settler.settle([delivery(FILL)])
    assert await subject.ledger.exposure() == {"gross": 500_000}
    assert stream.outcomes == [
        SettlementOutcome.SETTLED,
        SettlementOutcome.UNREADABLE,
        SettlementOutcome.REPEATED,
    ]
    assert stream.away == ["nats", "nats"]


async def test_a_settler_that_was_not_the_only_one_looks_again() -> None:
    subject, stream, held = await opened(), Stream(), Contended()
    settler = Settler(
        stream, stream, ledger=subject.ledger, held=held, read=parse_execution, tally=stream
    )
    await settler.settle([delivery(FILL)])
    assert await subject.ledger.exposure() == {"gross": 500_000}
    assert stream.away == ["held", "nats"]
