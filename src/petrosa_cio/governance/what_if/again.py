"""One recorded intent, decided again with other things governing and another ledger's readings."""

from dataclasses import dataclass, replace
from datetime import datetime

from petrosa_cio.audit.record import SCHEMA_VERSION, RecordKind, asked_of
from petrosa_cio.audit.recorded import verdict_of
from petrosa_cio.audit.redecide import Governing, is_cut, is_too_long
from petrosa_cio.audit.reread import (
    Fields,
    body_of,
    deciding_of,
    readings_of,
    snapshot_of,
)
from petrosa_cio.governance.what_if.two_worlds import Fate, Side, TwoWorlds
from petrosa_cio.risk.decide import assess, conclude, taken_at_of
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.parse import Malformed, parse_intent
from petrosa_cio.risk.snapshot import Snapshot
from petrosa_cio.risk.trading_state import TradingState
from petrosa_cio.risk.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Again:
    """One intent's two verdicts.

    Attributes:
        at: The moment of decision.
        intent: What the message says.
        was: The verdict as it was.
        would: The verdict under the candidate.
        counters: The counters of exposure that it was about.
    """

    at: datetime
    intent: Intent | Malformed
    was: Verdict
    would: Verdict
    counters: tuple[str, ...] = ()


def undecidable(record: Fields) -> str | None:
    """Return why a verdict cannot be decided again under anything else; None where it can.

    Raises:
        KeyError, TypeError: It is no complete record.
    """
    decision, problem = record["decision"], None
    if record["kind"] != RecordKind.VERDICT or record["schema_version"] != SCHEMA_VERSION:
        problem = "it is of another schema"
    elif decision.get("settings") is None:
        problem = "it is of an older program"
    elif decision.get("failure") is not None:
        problem = "the gate failed on the message"
    elif decision.get("flood") is not None:
        problem = "it was part of a flood, which is denied without a check"
    elif record["readings"] is None and decision["assessment"]["asks_ledger"]:
        problem = "the ledger was away"
    elif is_cut(record["source"]) and not is_too_long(record):
        problem = "only the beginning of its message was kept"
    return problem


class SecondGate:
    """Decides recorded intents again, one after the other, with a ledger in two worlds.

    A strategy that the candidate alone would have paused stays paused to the end, as nobody can
    know when a person would have resumed it; one that it would not have paused goes on. Halts are
    as they were.
    """

    def __init__(self) -> None:
        self.worlds = TwoWorlds()
        self._paused: dict[str, int] = {}
        self._spared: set[str] = set()

    def decide(self, record: Fields, governing: Governing, fate: Fate | None) -> Again:
        """Decide a verdict again, and let both worlds go on.

        Args:
            record: Its record; `undecidable` must have nothing against it.
            governing: What governs now.
            fate: What became of it, where it came to nothing.

        Raises:
            ValueError, KeyError, TypeError, ArithmeticError: It is no complete record.
        """
        kept, decision = record["source"], record["decision"]
        body = body_of(kept).ljust(int(kept["body_bytes"])) if is_cut(kept) else body_of(kept)
        longest = deciding_of(decision).max_intent_bytes
        intent = parse_intent(body, kept["headers"], max_bytes=longest)
        snapshot = snapshot_of(
            decision, intent, policy=governing.policy, charter=governing.charter_in_force,
            venue_rules=governing.venue_rules,
        )  # fmt: skip
        was, read = verdict_of(record["verdict"]), readings_of(record["readings"])
        if read is not None and isinstance(intent, Intent):
            snapshot = self._with_pauses(snapshot, intent.token, read.time_ms)
        taken_at = taken_at_of(intent, datetime.fromisoformat(kept["stored_at"]))
        assessment = assess(intent, taken_at=taken_at, snapshot=snapshot)
        if read is None:  # no intent: the message alone decides
            return Again(snapshot.now, intent, was, conclude(assessment, None))
        asked, enforces = asked_of(decision["assessment"]), record["mode"] == "enforce"
        readings = self.worlds.readings(asked, read, assessment)
        would = conclude(assessment, readings, holds=enforces)
        token = intent.token if isinstance(intent, Intent) else ""
        then = Side(asked, read, was, read.held)
        now = Side(assessment, readings, would, enforces and would.is_promoted)
        self.worlds.note(str(record["decision_id"]), token, then, now, fate)
        if now.pauses and not then.pauses:
            self._paused.setdefault(token, read.time_ms)
        if read.paused and not now.pauses:
            self._spared.add(token)
        claims = assessment.claims or asked.claims
        counters = tuple(claim.counter for claim in claims if not claim.members)
        return Again(snapshot.now, intent, was, would, counters)

    def _with_pauses(self, snapshot: Snapshot, token: str, time_ms: int) -> Snapshot:
        """Return the snapshot as it would have been, by what the candidate paused and what not.

        The rest of a batch does not know of a pause yet: the fence withdraws what it had approved.
        """
        states = snapshot.trading_states
        pauses = self._paused.get(token, time_ms) < time_ms
        if states is None or not (pauses or token in self._spared):
            return snapshot
        state = states.strategies.get(token)
        if token in self._spared and state is TradingState.PAUSED:
            state = None
        state = state or (TradingState.PAUSED if pauses else None)
        strategies = {} if state is None else {token: state}
        return replace(snapshot, trading_states=replace(states, strategies=strategies))
