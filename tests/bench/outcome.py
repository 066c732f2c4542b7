"""What came of a measurement: how long, how many, and whether every intent got its one answer."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from tests.bench.load import Heard

PROMOTED = ("approve", "reduce")
RELAYED = "relayed"
UNSENT = ("withdrawal", "undelivered", "unconfirmed")
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999, "max": 1.0}

Told = tuple[str, float]
"""A word on an intent and when it came."""


@dataclass(frozen=True, slots=True)
class Journaled:
    """What the journal has, by decision.

    Attributes:
        verdicts: Kinds of its verdicts, in the order of the journal: the first one counts.
        endings: Kinds of later records: why an approval was not sent, or nobody can know.
    """

    verdicts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    endings: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, record: Mapping[str, object]) -> None:
        """Take one record."""
        decision, kind = str(record["decision_id"]), str(record["kind"])
        if kind == "verdict" and isinstance(verdict := record["verdict"], dict):
            self.verdicts[decision].append(verdict["kind"])
        elif kind in UNSENT:
            self.endings[decision].add(kind)


@dataclass(frozen=True, slots=True)
class Answers:
    """What became of the intents.

    Attributes:
        verdicts: Verdicts by kind, by the journal where there is one, else as live watchers heard
            them; of a relay, which gives none, what it passed on.
        latency_ms: Percentiles of the time from when an intent was due until its signal came, or
            for one without a signal its verdict.
        per_second: Intents answered, by the time from the start until the last answer.
        took_s: That time.
        first_after_s: Time from the start until the first answer.
        unsent: Approvals without a signal of which the journal says why.
        untold: Journaled verdicts of which live watchers did not hear, which is allowed.
        retold: Verdicts of which they heard again, which is allowed as well.
        lost: Intents without a verdict, and approvals without a signal or a word on it.
        doubled: Further signals of one intent, and signals that nobody approved.
        strange: Messages about intents that were never sent.
        contradicted: Verdicts that stand in the journal again and say something else.
        late_ms: 99th percentile of how late the load itself handed over an intent.
    """

    verdicts: dict[str, int]
    latency_ms: dict[str, float]
    per_second: float
    took_s: float
    first_after_s: float
    unsent: int
    untold: int
    retold: int
    lost: int
    doubled: int
    strange: int
    contradicted: int
    late_ms: float


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return the percentiles of some values by nearest rank; none of no values."""
    ordered = sorted(values)
    return {
        name: round(ordered[max(ceil(len(ordered) * share) - 1, 0)], 3)
        for name, share in PERCENTILES.items()
        if ordered
    }


class Evidence:
    """What is known of each intent of a measurement, by its number."""

    def __init__(
        self, ids: Sequence[str], heard: Heard, journaled: Journaled | None, *, has_verdicts: bool
    ) -> None:
        """Sort what was heard.

        Args:
            ids: What the answers call each intent.
            heard: What the load heard.
            journaled: What the journal has; None where none is kept.
            has_verdicts: Whether verdicts are told; a relay only sends signals.
        """
        self._heard = heard
        self._numbers = {one: number for number, one in enumerate(ids)}
        self.signals: dict[int, float] = {}
        self.verdicts: dict[int, Told] = {}
        self.doubled = self.retold = self.strange = 0
        for subject, identity, at in heard.messages:
            self._hear(subject, identity, at)
        self.kinds = {number: kind for number, (kind, _) in self.verdicts.items()}
        if not has_verdicts:
            self.kinds = dict.fromkeys(self.signals, RELAYED)
        self.unsent: set[int] = set()
        self.contradicted = 0
        if journaled is not None:
            self._read(journaled)

    def _hear(self, subject: str, identity: str, at: float) -> None:
        number = self._numbers.get(identity)
        if number is None:
            self.strange += 1
        elif subject.startswith("signals."):
            self.doubled += number in self.signals
            self.signals.setdefault(number, at)
        else:
            self.retold += number in self.verdicts
            self.verdicts.setdefault(number, (subject.split(".")[2], at))

    def _read(self, journaled: Journaled) -> None:
        found = {number: journaled.verdicts.get(one, []) for one, number in self._numbers.items()}
        self.kinds = {number: kinds[0] for number, kinds in found.items() if kinds}
        self.contradicted = sum(len(set(kinds)) > 1 for kinds in found.values())
        ended = {self._numbers[one] for one in journaled.endings if one in self._numbers}
        self.unsent = (ended & self.promoted) - self.signals.keys()

    @property
    def promoted(self) -> set[int]:
        """The intents that should have a signal."""
        return {number for number, kind in self.kinds.items() if kind in (*PROMOTED, RELAYED)}

    def answers(self, due_at: Sequence[float]) -> Answers:
        """Judge it, given when each intent was due."""
        heard, promoted = self._heard, self.promoted
        sent = promoted - self.unsent
        answered_at = {number: at for number, (_, at) in self.verdicts.items()}
        answered_at = {number: answered_at[number] for number in answered_at.keys() - sent}
        answered_at |= {number: self.signals[number] for number in sent & self.signals.keys()}
        times = [at for _, _, at in heard.messages] or [heard.began_at]
        took_s = max(times) - heard.began_at
        undecided = len(due_at) - len(self.kinds)
        return Answers(
            verdicts=dict(Counter(self.kinds.values())),
            latency_ms=percentiles(
                [(at - due_at[number]) * 1000 for number, at in answered_at.items()]
            ),
            per_second=round(len(self.kinds) / took_s, 1) if took_s else 0.0,
            took_s=round(took_s, 3),
            first_after_s=round(min(times) - heard.began_at, 3),
            unsent=len(self.unsent),
            untold=len(self.kinds.keys() - self.verdicts.keys()),
            retold=self.retold,
            lost=undecided + len(sent - self.signals.keys()),
            doubled=self.doubled + len(self.signals.keys() - promoted),
            strange=self.strange,
            contradicted=self.contradicted,
            late_ms=_late_ms(heard, due_at),
        )


def _late_ms(heard: Heard, due_at: Sequence[float]) -> float:
    late = [(sent - due) * 1000 for sent, due in zip(heard.sent_at, due_at, strict=False)]
    return percentiles(late).get("p99", 0.0)


def problems(found: Answers) -> list[str]:
    """Return what may not be, as sentences; none of a sound run."""
    said = (
        (found.lost, "intents without their one answer"),
        (found.unsent, "approvals that were not sent, with a record that says why"),
        (found.doubled, "signals too many"),
        (found.strange, "messages about intents that were never sent"),
        (found.contradicted, "decisions whose verdicts in the journal differ"),
    )
    return [f"{count:,} {what}" for count, what in said if count]
