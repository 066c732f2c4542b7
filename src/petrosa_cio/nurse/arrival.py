"""An intent that has arrived at the gate, by whichever way."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from time import monotonic_ns

import msgspec
from msgspec import Struct

from petrosa_cio.audit.record import Source
from petrosa_cio.ports import Delivery
from petrosa_cio.risk.identity import decision_id


class Answer(Struct, frozen=True, gc=False):
    """What a caller of the synchronous door is told.

    Attributes:
        decision_id: The decision.
        verdict: ``approve``, ``reduce`` or ``deny``.
        reasons: Every reason, as text.
        quantity: The approved quantity as exact text, if any.
        first_decision: For a repetition, the decision whose answer stands.
        first_verdict: What that decision came to.
    """

    decision_id: str
    verdict: str
    reasons: tuple[str, ...]
    quantity: str | None = None
    first_decision: str | None = None
    first_verdict: str = ""

    def as_json(self) -> bytes:
        """Return it as the JSON of replies."""
        return msgspec.json.encode(self)


@dataclass(slots=True)
class DoorCall:
    """A caller that waits for its verdict.

    ``begun`` is set right before the fence; from then on the caller gets the verdict. ``abandoned``
    is set when its time is over before that; then nothing is promoted.
    """

    answer: asyncio.Future[Answer]
    begun: bool = False
    abandoned: bool = False


class Arrival(Struct, frozen=True):
    """One message with the identity of its decision.

    Attributes:
        decision_id: Stable under redelivery.
        source: The message.
        delivery: The stream's delivery, to acknowledge; None through the door.
        door: The waiting caller; None through the stream.
        arrived_ns: When it arrived here, in nanoseconds of the monotonic clock.
    """

    decision_id: str
    source: Source
    delivery: Delivery | None = None
    door: DoorCall | None = None
    arrived_ns: int = msgspec.field(default_factory=monotonic_ns)

    @property
    def stored_at_ms(self) -> int:
        """When the message was captured, epoch milliseconds."""
        return epoch_ms(self.source.stored_at)


def epoch_ms(instant: datetime) -> int:
    """Return an instant as epoch milliseconds."""
    return int(instant.timestamp() * 1000)


def from_delivery(delivery: Delivery, *, fund: str) -> Arrival:
    """Return the arrival of a captured message."""
    source = Source(
        delivery.subject, delivery.headers, delivery.body, delivery.stream,
        delivery.stream_created_ns, delivery.sequence, delivery.stored_at,
    )  # fmt: skip
    identity = decision_id(
        fund, delivery.stream, delivery.stream_created_ns, delivery.sequence, delivery.stored_at
    )
    return Arrival(identity, source, delivery)
