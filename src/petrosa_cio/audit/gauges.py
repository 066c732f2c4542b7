"""What the record role shows of how things stand, now and then."""

from collections.abc import Mapping
from typing import Protocol

from prometheus_client import Gauge

from petrosa_cio.ports import Backlog
from petrosa_cio.risk.claims import from_units

NOT_STORED = Gauge(
    "cio_journal_entries_not_stored",
    "Journal entries, a batch of records each, that are not in the record yet.",
    multiprocess_mode="mostrecent",
)
COULD_NOT_BE_STORED = Gauge(
    "cio_records_set_aside",
    "Records that could not be stored and are set aside, since the record began.",
    multiprocess_mode="mostrecent",
)
NOT_SIGNED = Gauge(
    "cio_records_not_signed",
    "Records that no checkpoint covers yet.",
    multiprocess_mode="mostrecent",
)
SIGNED_AT = Gauge(
    "cio_checkpoint_timestamp_seconds",
    "When the newest checkpoint was signed, epoch seconds; 0 where there is none.",
    multiprocess_mode="mostrecent",
)
RESERVATIONS = Gauge(
    "cio_reservations", "Decisions that hold something of a shared limit.",
    multiprocess_mode="mostrecent",
)  # fmt: skip
RESERVED_USD = Gauge(
    "cio_reserved_usd", "What reservations hold at most of any one limit, added up, in USD.",
    multiprocess_mode="mostrecent",
)  # fmt: skip


class Reserving(Protocol):
    """The ledger's reservations."""

    async def reservations(self) -> Mapping[str, int]:
        """Return the units that each open decision holds, by decision id. Raises Unavailable."""


class Aside(Protocol):
    """What was set aside."""

    async def poisoned(self) -> int:
        """Return how many lines are set aside. Raises Unavailable."""


class RecordGauges:
    """Shows how far the record lags behind the journal, what it lacks, and what is reserved."""

    def __init__(self, entries: Backlog, aside: Aside, ledger: Reserving) -> None:
        """Take the journal, what was set aside, and the ledger."""
        self._entries = entries
        self._aside = aside
        self._ledger = ledger

    async def note_lag(self) -> None:
        """Show what is not stored yet. Raises Unavailable."""
        NOT_STORED.set(await self._entries.waiting() + await self._entries.outstanding())

    async def note_poisoned(self) -> None:
        """Show what could not be stored. Raises Unavailable."""
        COULD_NOT_BE_STORED.set(await self._aside.poisoned())

    async def note_reservations(self) -> None:
        """Show what is reserved. Raises Unavailable."""
        held = await self._ledger.reservations()
        RESERVATIONS.set(len(held))
        RESERVED_USD.set(float(from_units(sum(held.values()))))
