"""What a demo came to: counted, measured, and checked against the record."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import quantiles

from petrosa_cio.audit.record import RecordKind
from petrosa_cio.demo.book import Book
from petrosa_cio.demo.script import BOTS
from petrosa_cio.risk.verdict import VerdictKind

TOP = 3


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one bot's intents.

    Attributes:
        bot: Its name.
        sent: Intents published.
        approved: Let through as they were.
        reduced: Let through smaller.
        denied: Not let through.
        reasons: The most frequent reason codes, with their counts.
    """

    bot: str
    sent: int
    approved: int
    reduced: int
    denied: int
    reasons: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from an intent's publication to its verdict event, as a bot sees it."""

    median_ms: float
    p95_ms: float
    worst_ms: float


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether every intent has exactly one verdict.

    Attributes:
        captured: Intents that the stream holds.
        decided: Of these, those with a verdict in the journal.
        repeated: Records beyond the first about one intent.
        stored: Of these, those whose verdict is stored in MongoDB, and says the same.
        lost: Intents that no stream confirmed, so that nobody can be asked about them.
    """

    captured: int
    decided: int
    repeated: int
    stored: int
    lost: int

    @property
    def holds(self) -> bool:
        """Whether every captured intent has exactly one verdict, journaled and stored."""
        return self.captured == self.decided == self.stored and not self.repeated


@dataclass(frozen=True, slots=True)
class Summary:
    """What a demo came to.

    Attributes:
        seed: Its seed.
        seconds: How long it was played.
        complete: False when it was broken off.
        rows: By bot.
        total: All bots together.
        latency: None when no verdict event was heard.
        after: What befell approvals afterwards, by kind of record.
        engine: What the order engine reported, by event.
        proof: Every intent has exactly one verdict, or not.
        halts: How often the fund was halted.
    """

    seed: int
    seconds: float
    complete: bool
    rows: tuple[Row, ...]
    total: Row
    latency: Latency | None
    after: Mapping[str, int]
    engine: Mapping[str, int]
    proof: Proof
    halts: int

    def as_json(self) -> dict[str, object]:
        """Return it for a program."""
        plain = asdict(self)
        plain["proof"]["every_intent_has_one_verdict"] = self.proof.holds
        return plain


def rows_of(book: Book) -> tuple[Row, ...]:
    """Return what became of each bot's intents so far."""
    return tuple(_row(bot, book.sent[bot], book.outcomes[bot], book.codes[bot]) for bot in BOTS)


def total_of(book: Book) -> Row:
    """Return what became of all intents so far."""
    outcomes, codes = (sum(counts.values(), Counter()) for counts in (book.outcomes, book.codes))
    return _row("all", book.sent.total(), outcomes, codes)


def _row(bot: str, sent: int, outcomes: Counter[str], codes: Counter[str]) -> Row:
    return Row(
        bot,
        sent,
        outcomes[VerdictKind.APPROVE],
        outcomes[VerdictKind.REDUCE],
        outcomes[VerdictKind.DENY],
        tuple(codes.most_common(TOP)),
    )


def latency_of(book: Book) -> Latency | None:
    """Return how long bots waited for their verdicts."""
    measured = sorted(
        one.latency_ms for one in book.verdicts.values() if one.latency_ms is not None
    )
    if not measured:
        return None
    cuts = quantiles(measured, n=20, method="inclusive") if len(measured) > 1 else measured * 19
    return Latency(round(cuts[9], 1), round(cuts[18], 1), round(measured[-1], 1))


def proof_of(book: Book, stored: Mapping[str, str]) -> Proof:
    """Return whether every intent has one verdict.

    Args:
        book: What was sent and decided.
        stored: The verdict in MongoDB, by decision.
    """
    verdicts = book.verdicts.values()
    agreeing = sum(stored.get(one.decision_id) == one.kind for one in verdicts)
    return Proof(len(book.captured), len(book.verdicts), book.repeated, agreeing, book.lost)


def after_of(book: Book) -> dict[str, int]:
    """Return what befell approvals, by kind; kinds that did not happen count zero."""
    kinds = (RecordKind.WITHDRAWAL, RecordKind.UNDELIVERED, RecordKind.UNCONFIRMED)
    return {kind.value: book.later[kind] for kind in kinds}
