"""What gates left behind, and the promises it is held against.

* Every captured intent has a final verdict: the first record of its decision in journal order.
  Repetitions after a crash are allowed, but none says anything else; but for a gate that must give
  up on an old intent while the ledger is away, and then says that nobody can know.
* No signal twice, and none without an approving verdict that was journaled before.
* No signal of a decision that was withdrawn.
* Of every approval it is known what became of it: a signal, or a record that it was withdrawn, met
  nobody, or that nobody can know. The last may stand beside a signal: that is what it says.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from petrosa_cio.adapters.nats_journal import read_journal
from petrosa_cio.adapters.nats_streams import INTENTS, JOURNAL
from tests.integration.gate_house import FUND, GateHouse, Heard
from tests.neighbours import decisions_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PROMOTED = ("approve", "reduce")
ENDINGS = ("withdrawal", "undelivered", "unconfirmed")


@dataclass(frozen=True, slots=True)
class Journaled:
    """A record and when the journal had it, in seconds."""

    record: Mapping[str, Any]
    at: float

    @property
    def verdict(self) -> str:
        """What a record of a verdict says."""
        return str(self.record["verdict"]["kind"])

    @property
    def said(self) -> tuple[str, str | None]:
        """Verdict and size."""
        return self.verdict, self.record["verdict"]["quantity"]

    @property
    def codes(self) -> list[str]:
        """The reasons of a verdict."""
        return [reason[0] for reason in self.record["verdict"]["reasons"]]


@dataclass
class Evidence:
    """Everything that is known of a run.

    Attributes:
        captured: Decision id of every captured intent, in stream order.
        verdicts: Records of verdicts by decision id, in journal order.
        later: Kinds of later records by decision id.
        reasons: Reason of each later record by (kind, decision id).
        changes: What was changed, in journal order.
        signals: What the engine heard.
    """

    captured: Sequence[str]
    signals: Sequence[Heard]
    verdicts: dict[str, list[Journaled]] = field(default_factory=lambda: defaultdict(list))
    later: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    reasons: dict[tuple[str, str], str] = field(default_factory=dict)
    changes: list[Mapping[str, Any]] = field(default_factory=list)

    def add(self, entry: Journaled) -> None:
        """Take one record of the journal."""
        record, kind = entry.record, entry.record["kind"]
        identity = record["decision_id"]
        if kind == "verdict":
            self.verdicts[identity].append(entry)
        elif kind in ENDINGS:
            self.later[identity].add(kind)
            self.reasons[kind, identity] = record["reason"]
        else:
            self.changes.append(record)

    # --- what it says -----------------------------------------------------------------------

    def final(self, decision: str) -> Journaled:
        """Return the verdict of a decision."""
        return self.verdicts[decision][0]

    def kinds(self) -> Counter[str]:
        """Count final verdicts by kind."""
        return Counter(found[0].verdict for found in self.verdicts.values())

    def promoted(self) -> set[str]:
        """Return the decisions that were approved, whole or reduced."""
        return {one for one in self.verdicts if self.final(one).verdict in PROMOTED}

    def signalled(self) -> set[str]:
        """Return the decisions of which the engine heard."""
        return {signal.decision_id for signal in self.signals}

    def ended(self, kind: str) -> set[str]:
        """Return the decisions with a later record of this kind."""
        return {one for one, kinds in self.later.items() if kind in kinds}

    def by_intent(self) -> dict[str, list[Journaled]]:
        """Return final verdicts by the bot's own id."""
        found: dict[str, list[Journaled]] = defaultdict(list)
        for identity in self.verdicts:
            entry = self.final(identity)
            found[str(entry.record["intent"].get("stated_id"))].append(entry)
        return found

    # --- what it must say -------------------------------------------------------------------

    def check(self, *, died_with_server: Set[str] = frozenset()) -> None:
        """Fail with every promise that was broken.

        Args:
            died_with_server: Decisions whose signal the NATS server took before it was killed.
                Plain NATS delivers at most once: what it had not passed on by then is lost, and
                only the engine's silence tells.
        """
        open_ends = [one for one in self._open_ends() if one[:32] not in died_with_server]
        problems = [*self._verdict_problems(), *self._signal_problems(), *open_ends]
        assert not problems, f"{len(problems)} broken promises:\n" + "\n".join(problems[:20])

    def _verdict_problems(self) -> Iterable[str]:
        for identity in self.captured:
            if identity not in self.verdicts:
                yield f"{identity}: captured, and without a verdict"
        for identity, found in self.verdicts.items():
            others = [one for one in found if one.said != found[0].said]
            if not all(self._is_given_up(identity, one) for one in others):
                yield f"{identity}: contradicts itself: {[one.verdict for one in found]}"

    def _is_given_up(self, identity: str, later: Journaled) -> bool:
        """Return whether a gate denied without the ledger, and said that it cannot know more."""
        unconfirmed = "unconfirmed" in self.later.get(identity, set())
        return unconfirmed and "LEDGER_UNAVAILABLE" in later.codes

    def _signal_problems(self) -> Iterable[str]:
        for identity, times in Counter(one.decision_id for one in self.signals).items():
            if times > 1:
                yield f"{identity}: {times} signals"
        for signal in self.signals:
            identity = signal.decision_id
            if identity not in self.verdicts:
                yield f"{identity}: a signal without a verdict"
                continue
            final = self.final(identity)
            if final.verdict not in PROMOTED:
                yield f"{identity}: a signal after {final.verdict}"
            if final.at > signal.at:
                yield f"{identity}: the signal came before its verdict was journaled"
            for kind in {"withdrawal", "undelivered"} & self.later.get(identity, set()):
                yield f"{identity}: a signal and a record of {kind}"

    def _open_ends(self) -> Iterable[str]:
        signalled = self.signalled()
        for identity in sorted(self.promoted()):
            kinds = self.later.get(identity, set())
            if identity not in signalled and not kinds:
                yield f"{identity}: approved, and nobody knows what became of it"
        for identity, kinds in self.later.items():
            if len(kinds) > 1:
                yield f"{identity}: ended in several ways: {sorted(kinds)}"


async def gather(house: GateHouse) -> Evidence:
    """Read the stream and the whole journal of a house."""
    await house.quiet()
    js = house.client.jetstream()
    state = (await js.stream_info(INTENTS)).state
    captured = await decisions_of(house.client, INTENTS, FUND)
    assert len(captured) == state.last_seq - max(state.first_seq, 1) + 1, "intents are gone"
    evidence = Evidence(captured=list(captured.values()), signals=list(house.signals))
    journaled = (await js.stream_info(JOURNAL)).state.messages
    entries = 0
    async for entry in read_journal(house.client, since=_EPOCH):
        entries += 1
        for line in entry.records:
            evidence.add(Journaled(orjson.loads(line), entry.stored_at.timestamp()))
    assert entries >= journaled, "the journal was not read whole"
    return evidence
