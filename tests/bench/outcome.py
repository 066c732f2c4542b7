"""What came of a measurement: how long, how many, and whether every intent got its one answer."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from tests.bench.load import Heard

PROMOTED = ("approve", "reduce")
Journaled = dict[str, list[str]]
"""Verdicts by decision, in the order of the journal."""

PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999, "max": 1.0}


@dataclass(frozen=True, slots=True)
class Answers:
    """What was heard of the intents.

    Attributes:
        verdicts: Final verdicts by kind; of a relay, which gives none, what it passed on.
        latency_ms: Percentiles of the time from when an intent was due until its signal came, or
            for a denial its verdict.
        per_second: Intents answered, by the time from the start until the last answer.
        took_s: That time.
        first_after_s: Time from the start until the first answer.
        lost: Intents without a verdict, and approvals without a signal.
        doubled: Further verdicts and signals of one intent, and signals that nobody approved.
        strange: Messages about intents that were never sent.
        late_ms: 99th percentile of how late the load itself handed over an intent.
    """

    verdicts: dict[str, int]
    latency_ms: dict[str, float]
    per_second: float
    took_s: float
    first_after_s: float
    lost: int
    doubled: int
    strange: int
    late_ms: float


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return the percentiles of some values by nearest rank; none of no values."""
    ordered = sorted(values)
    return {
        name: round(ordered[max(ceil(len(ordered) * share) - 1, 0)], 3)
        for name, share in PERCENTILES.items()
        if ordered
    }


def answers(
    heard: Heard, numbers: Mapping[str, int], *, due_at: Sequence[float], has_verdicts: bool
) -> Answers:
    """Judge what was heard.

    Args:
        heard: What the load heard.
        numbers: Number of each intent, from 0, by the id that is heard of it.
        due_at: When each intent was due.
        has_verdicts: Whether verdicts are told; a relay only sends signals.
    """
    signals, verdicts, strange = _by_intent(heard, numbers)
    kinds = {number: kind for number, (kind, _) in verdicts.first.items()}
    if not has_verdicts:
        kinds = dict.fromkeys(signals.first, "relayed")
    wanted = {number for number, kind in kinds.items() if kind in (*PROMOTED, "relayed")}
    ended = {
        number: (signals if number in wanted else verdicts).first[number][1]
        for number in kinds
        if number not in wanted or number in signals.first
    }
    last = [at for _, _, at in heard.messages]
    took_s = max(last, default=heard.began_at) - heard.began_at
    unapproved = signals.first.keys() - wanted
    return Answers(
        verdicts=dict(Counter(kinds.values())),
        latency_ms=percentiles([(at - due_at[number]) * 1000 for number, at in ended.items()]),
        per_second=round(len(kinds) / took_s, 1) if took_s else 0.0,
        took_s=round(took_s, 3),
        first_after_s=round(min(last, default=heard.began_at) - heard.began_at, 3),
        lost=len(due_at) - len(ended),
        doubled=signals.further + verdicts.further + len(unapproved),
        strange=strange,
        late_ms=_late_ms(heard, due_at),
    )


class _Told:
    """What was told of each intent: the first word on it, and how many more there were."""

    def __init__(self) -> None:
        self.first: dict[int, tuple[str, float]] = {}
        self.further = 0

    def add(self, number: int, kind: str, at: float) -> None:
        if number in self.first:
            self.further += 1
        else:
            self.first[number] = kind, at


def _by_intent(heard: Heard, numbers: Mapping[str, int]) -> tuple[_Told, _Told, int]:
    signals, verdicts, strange = _Told(), _Told(), 0
    for subject, identity, at in heard.messages:
        number = numbers.get(identity)
        if number is None:
            strange += 1
        elif subject.startswith("signals."):
            signals.add(number, "signal", at)
        else:
            verdicts.add(number, subject.split(".")[2], at)
    return signals, verdicts, strange


def _late_ms(heard: Heard, due_at: Sequence[float]) -> float:
    late = [(sent - due) * 1000 for sent, due in zip(heard.sent_at, due_at, strict=False)]
    return percentiles(late).get("p99", 0.0)


def problems(found: Answers, journaled: Journaled | None, decisions: Sequence[str]) -> list[str]:
    """Return what may not be, as sentences; none of a sound run.

    A verdict may stand in the journal again, where a gate did not hear in time that it was
    written; but it must be the same.

    Args:
        found: What was heard.
        journaled: What the journal has; None where none is kept.
        decisions: The decisions that must be in it.
    """
    said: list[tuple[int, str]] = [
        (found.lost, "intents without their one answer"),
        (found.doubled, "answers too many"),
        (found.strange, "messages about intents that were never sent"),
    ]
    if journaled is not None:
        wrong = sum(len(set(journaled.get(one, ()))) != 1 for one in decisions)
        said.append((wrong, "decisions without their one verdict in the journal"))
    return [f"{count} {what}" for count, what in said if count]
