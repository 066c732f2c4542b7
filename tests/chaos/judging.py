"""What came of a run, and the promises it is held against.

The judge believes the intake, MongoDB and the engine's own ears, and nothing that a gate says of
itself.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import orjson

from petrosa_cio.adapters.mongo_proof import MongoProofSource
from petrosa_cio.audit.findings import FindingKind
from petrosa_cio.audit.proof import Outcome, Proof

PROMOTED = ("approve", "reduce")


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal as the engine got it, and when, in seconds."""

    decision_id: str
    at: float
    opens: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict in MongoDB.

    Attributes:
        kind: ``approve``, ``reduce`` or ``deny``.
        journaled_at: When the journal had it, in seconds.
        name: Strategy and id by which the bot knows the intent.
        codes: Its reasons.
    """

    kind: str
    journaled_at: float
    name: tuple[str | None, str | None]
    codes: tuple[str, ...] = ()


@dataclass
class Recorded:
    """What MongoDB holds, as much of it as is judged.

    Attributes:
        verdicts: By decision.
        endings: What is recorded later of a decision: ``withdrawal`` and the like.
        reasons: Why a decision is called unconfirmed.
        poisoned: Records that could not be stored.
    """

    verdicts: dict[str, list[Verdict]] = field(default_factory=lambda: defaultdict(list))
    endings: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    reasons: dict[str, str] = field(default_factory=dict)
    poisoned: int = 0

    def take(self, trace: Mapping[str, Any]) -> None:
        """Take in one record."""
        match trace["kind"]:
            case "verdict":
                self.verdicts[trace["decision_id"]].append(
                    Verdict(
                        trace["verdict"],
                        trace["journaled_at"].timestamp(),
                        (trace["strategy"], trace["stated_id"]),
                        tuple(trace["codes"]),
                    )
                )
            case "withdrawal" | "undelivered" | "unconfirmed" as kind:
                self.endings[trace["decision_id"]].append(kind)
                if kind == "unconfirmed":
                    self.reasons[trace["decision_id"]] = orjson.loads(trace["record"])["reason"]
            case "poisoned":
                self.poisoned += 1


class Reading(MongoProofSource):
    """The record as it is proven, which is noted on the way: it is long, and read once."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.recorded = Recorded()

    async def records(self, first: int, last: int) -> AsyncGenerator[list[dict[str, Any]]]:
        """Iterate over the records as they are there, and note each."""
        async with aclosing(super().records(first, last)) as pages:
            async for page in pages:
                for trace in page:
                    self.recorded.take(trace)
                yield page


@dataclass(frozen=True)
class Evidence:
    """Everything that is known of a run.

    Attributes:
        acknowledged: The sequence that the intake gave each message, and how its bot calls it.
        captured: Decision of each captured intent, by sequence.
        recorded: What MongoDB holds.
        proof: Of the chain.
        signals: What the engine got.
        held: Decisions that hold exposure in the ledger.
        open: What the findings that are not over are about, by kind.
    """

    acknowledged: Sequence[tuple[int, str]]
    captured: Mapping[int, str]
    recorded: Recorded
    proof: Proof
    signals: Sequence[Signal]
    held: frozenset[str]
    open: Mapping[FindingKind, frozenset[str]]

    # --- what it says -----------------------------------------------------------------------

    def final(self, decision: str) -> Verdict | None:
        """Return the first verdict of a decision, if there is one."""
        found = self.recorded.verdicts.get(decision)
        return found[0] if found else None

    @property
    def kinds(self) -> Counter[str]:
        """Count final verdicts by kind."""
        return Counter(found[0].kind for found in self.recorded.verdicts.values())

    @property
    def codes(self) -> Counter[str]:
        """Count the reasons of final denials."""
        finals = [found[0] for found in self.recorded.verdicts.values()]
        return Counter(code for one in finals if one.kind not in PROMOTED for code in one.codes)

    @property
    def approved(self) -> set[str]:
        """Decisions that were approved, whole or reduced."""
        verdicts = self.recorded.verdicts
        return {one for one, found in verdicts.items() if found[0].kind in PROMOTED}

    @property
    def received(self) -> set[str]:
        """Decisions of which the engine got a signal."""
        return {one.decision_id for one in self.signals}

    def ended(self, kind: str) -> set[str]:
        """Return the approvals with a later record of this kind."""
        ends = self.recorded.endings
        return {one for one, kinds in ends.items() if kind in kinds} & self.approved

    @property
    def missing(self) -> set[str]:
        """Approvals of which the engine got nothing, and that were not withdrawn."""
        return self.approved - self.received - self.ended("withdrawal")

    @property
    def silent(self) -> set[str]:
        """Approvals of which the engine got nothing, without a word of it."""
        return self.missing - self.ended("undelivered") - self.ended("unconfirmed")

    @property
    def doubted(self) -> set[str]:
        """Approvals called unconfirmed of which the engine did get the signal."""
        return self.ended("unconfirmed") & self.received

    @property
    def why_unconfirmed(self) -> dict[str, dict[str, int]]:
        """Count approvals called unconfirmed by reason, those that were sent and those missing."""
        counted: dict[str, dict[str, int]] = {}
        for decision in self.ended("unconfirmed"):
            became = "sent" if decision in self.received else "missing"
            of_reason = counted.setdefault(self.recorded.reasons[decision], {})
            of_reason[became] = of_reason.get(became, 0) + 1
        return counted

    @property
    def twice(self) -> list[str]:
        """Decisions of which the engine got more than one signal."""
        counted = Counter(one.decision_id for one in self.signals)
        return [one for one, times in counted.items() if times > 1]

    # --- what it must say -------------------------------------------------------------------

    def problems(self) -> list[str]:
        """Return every broken promise, a sentence each."""
        return [
            *self._of_intake(),
            *self._of_verdicts(),
            *self._of_signals(),
            *self._of_endings(),
            *self._of_findings(),
            *self._of_record(),
        ]

    def _of_intake(self) -> Iterator[str]:
        for sequence, times in Counter(sequence for sequence, _ in self.acknowledged).items():
            if times > 1:
                yield f"sequence {sequence}: acknowledged for {times} messages"
        for sequence, name in self.acknowledged:
            decision = self.captured.get(sequence)
            final = self.final(decision) if decision else None
            if decision is None:
                yield f"sequence {sequence}: acknowledged, and not in the stream"
            elif final is not None and final.name[1] != name:
                yield f"{decision}: acknowledged as {name}, decided as {final.name[1]}"
        last = max(self.captured, default=0)
        if len(self.captured) != last:
            yield f"{last - len(self.captured)} captured intents are gone from the stream"

    def _of_verdicts(self) -> Iterator[str]:
        captured = set(self.captured.values())
        for decision in sorted(captured - self.recorded.verdicts.keys()):
            yield f"{decision}: captured, and without a verdict"
        for decision, found in self.recorded.verdicts.items():
            if len(found) > 1:
                yield f"{decision}: {len(found)} final verdicts"
            if decision not in captured:
                yield f"{decision}: a verdict on what was never captured"
        names = Counter(self.recorded.verdicts[one][0].name for one in self.approved)
        for name, times in names.items():
            if times > 1:
                yield f"{name}: one intent of a bot, approved {times} times"

    def _of_signals(self) -> Iterator[str]:
        for decision in self.twice:
            yield f"{decision}: more than one signal"
        for signal in self.signals:
            final = self.final(signal.decision_id)
            if final is None:
                yield f"{signal.decision_id}: a signal without a verdict"
            elif final.kind not in PROMOTED:
                yield f"{signal.decision_id}: a signal after {final.kind}"
            elif final.journaled_at > signal.at:
                yield f"{signal.decision_id}: the signal came before its verdict was recorded"
            if signal.opens and signal.decision_id not in self.held:
                yield f"{signal.decision_id}: a signal was sent, and the ledger holds nothing of it"

    def _of_endings(self) -> Iterator[str]:
        for decision in sorted(self.silent):
            yield f"{decision}: approved and lost, without a record of it"
        for kind in ("withdrawal", "undelivered"):
            for decision in sorted(self.ended(kind) & self.received):
                yield f"{decision}: a signal and a record of {kind}"
        for decision, kinds in self.recorded.endings.items():
            if len(kinds) > 1:
                yield f"{decision}: ended more than once: {', '.join(sorted(kinds))}"

    def _of_findings(self) -> Iterator[str]:
        true = {
            FindingKind.UNCONFIRMED: self.missing - self.ended("undelivered"),
            FindingKind.UNDELIVERED: self.ended("undelivered"),
        }
        for kind in FindingKind:
            found, expected = self.open.get(kind, frozenset()), true.get(kind, set())
            for about in sorted(expected - found):
                yield f"{about}: no finding {kind} is open, and it is so"
            for about in sorted(found - expected):
                yield f"{about}: a finding {kind} is open, and it is not so"

    def _of_record(self) -> Iterable[str]:
        if self.recorded.poisoned:
            yield f"{self.recorded.poisoned} records could not be stored"
        outcome = self.proof.outcome(self.proof.head.seq)
        if outcome is not Outcome.PROVEN:
            yield f"the chain is {outcome}: {self.proof.first_fault or self.proof.told}"
