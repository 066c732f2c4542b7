"""The demo's own account: what was sent, what the gate decided, and whether the two agree.

An intent is known by its number in the captured stream. The verdict's record in the journal names
that number, and the verdict event names the decision; so each message is followed on its way
without any help from the gate.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import orjson

from petrosa_cio.adapters.nats_streams import INTENTS
from petrosa_cio.audit.record import RecordKind
from petrosa_cio.demo.intents import Cue
from petrosa_cio.risk.verdict import VerdictKind


@dataclass(slots=True)
class Verdict:
    """What the gate said of one message.

    Attributes:
        cue: The message.
        decision_id: The decision.
        kind: ``approve``, ``reduce`` or ``deny``, as it was journaled.
        reasons: Every reason as it is recorded: code, effect, limit, observed, scope, entry, size.
        requested: Base units asked for, exact text, if it can be told.
        quantity: Base units approved, exact text, if any.
        withdrawn: Why an approval was taken back before it left; empty if it was not.
        latency_ms: From the message's publication to the verdict's event; None until that is there.
    """

    cue: Cue
    decision_id: str
    kind: str
    reasons: tuple[tuple[str | None, ...], ...]
    requested: str | None
    quantity: str | None
    withdrawn: str = ""
    latency_ms: float | None = None

    @property
    def outcome(self) -> str:
        """What became of it: a withdrawn approval is a denial."""
        return VerdictKind.DENY.value if self.withdrawn else self.kind

    @property
    def codes(self) -> list[str]:
        """Every reason code."""
        return [str(one[0]) for one in self.reasons] + ([self.withdrawn] if self.withdrawn else [])


@dataclass(slots=True)
class Book:
    """Everything that was sent and decided. Time is monotonic, in seconds.

    Attributes:
        tell: Called with each verdict when its message is known.
        sent: Messages published, by bot.
        lost: Messages that the stream did not confirm.
        captured: Message and time of publication, by number in the stream.
        verdicts: By number in the stream.
        outcomes: What became of each bot's messages, counted.
        codes: Why, counted: every reason code of each bot's messages.
        repeated: Records beyond the first about one message.
        later: What befell approvals, by kind of record.
    """

    tell: Callable[[Verdict], None]
    sent: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    captured: dict[int, tuple[Cue, float]] = field(default_factory=dict)
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    outcomes: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    codes: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    repeated: int = 0
    later: Counter[str] = field(default_factory=Counter)
    _records: dict[int, dict[str, Any]] = field(default_factory=dict)  # of messages not yet known
    _by_decision: dict[str, int] = field(default_factory=dict)
    _answered_at: dict[str, float] = field(default_factory=dict)

    @property
    def undecided(self) -> int:
        """How many captured messages have no verdict yet."""
        return len(self.captured) - len(self.verdicts)

    def capture(self, cue: Cue, sequence: int, published_at: float) -> None:
        """Note that the stream has a message."""
        self.captured[sequence] = cue, published_at
        self._join(sequence)

    def journaled(self, body: bytes) -> None:
        """Read a message of the journal: a record a line."""
        for line in body.splitlines():
            record = orjson.loads(line)
            if record["kind"] == RecordKind.VERDICT:
                self._decided(record)
            elif record["decision_id"] in self._by_decision:
                self._befell(record)

    def answered(self, body: bytes) -> None:
        """Read a verdict event."""
        decision_id = orjson.loads(body)["decision_id"]
        self._answered_at.setdefault(decision_id, monotonic())
        self._measure(decision_id)

    def _decided(self, record: dict[str, Any]) -> None:
        if record["source"]["stream"] != INTENTS:
            return  # somebody who joins in has asked at the synchronous door
        sequence = record["source"]["sequence"]
        if sequence in self._records or sequence in self.verdicts:
            self.repeated += 1
            return
        self._records[sequence] = record
        self._by_decision[record["decision_id"]] = sequence
        self._join(sequence)

    def _befell(self, record: dict[str, Any]) -> None:
        self.later[record["kind"]] += 1
        verdict = self.verdicts.get(self._by_decision.get(record["decision_id"], 0))
        if verdict and record["kind"] == RecordKind.WITHDRAWAL:
            bot = verdict.cue.bot
            self.outcomes[bot][verdict.outcome] -= 1
            verdict.withdrawn = str(record["reason"])
            self.outcomes[bot][verdict.outcome] += 1
            self.codes[bot][verdict.withdrawn] += 1

    def _join(self, sequence: int) -> None:
        """Make the verdict of a message once both it and its record are known."""
        if sequence not in self.captured or sequence not in self._records:
            return
        cue, _ = self.captured[sequence]
        verdict = self.verdicts[sequence] = _verdict(cue, self._records.pop(sequence))
        self.outcomes[cue.bot][verdict.outcome] += 1
        self.codes[cue.bot].update(verdict.codes)
        self._measure(verdict.decision_id)
        self.tell(verdict)

    def _measure(self, decision_id: str) -> None:
        sequence = self._by_decision.get(decision_id, 0)
        verdict, at = self.verdicts.get(sequence), self._answered_at.get(decision_id)
        if verdict and at is not None:
            verdict.latency_ms = (at - self.captured[sequence][1]) * 1_000


def _verdict(cue: Cue, record: dict[str, Any]) -> Verdict:
    said = record["verdict"]
    return Verdict(
        cue,
        record["decision_id"],
        said["kind"],
        tuple(tuple(one) for one in said["reasons"]),
        said["requested_quantity"],
        said["quantity"],
    )
