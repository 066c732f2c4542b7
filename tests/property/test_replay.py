"""Whatever was decided and recorded is decided again to the same bytes."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from petrosa_cio.audit.record import Deciding, DecisionParts, Provenance, Source
from petrosa_cio.audit.replay import Outcome
from petrosa_cio.nurse.arrival import Arrival
from petrosa_cio.nurse.decision import Decision, conclude_draft, draft
from petrosa_cio.nurse.shedder import Shedder
from petrosa_cio.risk.claims import DecisionState, RateClaim, Reserved
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.policy import Charter, PolicyDocument, document_hash
from petrosa_cio.risk.snapshot import Snapshot
from petrosa_cio.risk.unchecked import Flood
from petrosa_cio.risk.venue_form import venue_rules
from tests.deciding import NOW, Plain, readings_of
from tests.property import worlds
from tests.replaying import VERSION, charter_change, policy_change, replay_with, venue_change


def as_json(value: object) -> str:
    """Write JSON with numbers as they are, exact."""
    match value:
        case dict():
            return "{" + ",".join(f"{as_json(k)}:{as_json(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ",".join(map(as_json, value)) + "]"
        case None:
            return "null"
        case Decimal() | int():
            return str(value)
        case _:
            return f'"{value}"'


def body_of(intent: Intent) -> bytes:
    """Return the message that says an intent."""
    numbers = (
        "confidence", "quantity", "position_size_pct", "quote_quantity", "price", "current_price",
        "stop_loss", "take_profit", "leverage", "metadata", "source", "action", "symbol",
        "order_type",
    )  # fmt: skip
    message: dict[str, object] = {name: getattr(intent, name) for name in numbers}
    message |= {"strategy_id": intent.strategy, **intent.extra}
    stated_at = intent.stated_at
    return as_json(message | {"timestamp": stated_at and stated_at.isoformat()}).encode()


class Flooded(Shedder):
    """Takes every intent for part of a flood, if it has a rate."""

    def flood(self, rates: Any) -> Flood | None:
        found: tuple[RateClaim, ...] = tuple(rates)
        return Flood(len(found) - 1, 77) if found else None


def recorded(body: bytes, snapshot: Snapshot, ledger: Plain | None, mode: str, flood: bool) -> Any:
    """Decide and record as the gate does; return the decision."""
    provenance = Provenance("main", "gate-1", mode, VERSION, "2026a")
    arrival = Arrival("d" * 32, Source("intent.x", {}, body, "CIO_INTENTS", 1, 2, NOW))
    shedder = Flooded(lambda: 0.0) if flood else None
    one = draft(arrival, DecisionParts(snapshot, Deciding(VERSION, 65_536)), shedder=shedder)
    reserved = None
    if ledger is not None and one.assessment.asks_ledger:
        reserved = Reserved(readings_of(one.assessment, ledger), DecisionState.NEW)
    holds, template = mode == "enforce", "signals.{strategy_id}"
    return conclude_draft(
        one, reserved, holds=holds, provenance=provenance, signal_template=template
    )


NO_INTENTS = st.sampled_from([b"", b"\xff\xfe", b'{"symbol": "BTCUSDT"}'])
INTENTS = worlds.INTENTS.map(body_of)


def mostly(drawn: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw None now and then."""
    return st.integers(0, 9).flatmap(lambda chance: drawn if chance else st.none())


@settings(max_examples=1_000)
@given(
    st.integers(0, 9).flatmap(lambda chance: INTENTS if chance else NO_INTENTS),
    mostly(worlds.DOCUMENTS),
    worlds.DEMANDING_CHARTERS,
    worlds.WORLDS,
    mostly(worlds.LEDGERS),
    st.sampled_from([*[("enforce", False)] * 5, ("enforce", True), ("observe", False)]),
)
async def test_every_decision_is_decided_again_to_the_same_bytes(
    body: bytes,
    document: PolicyDocument | None,
    charter: Charter,
    parts: Plain,
    ledger: Plain | None,
    way: tuple[str, bool],
) -> None:
    snapshot = worlds.world(document, charter, parts)
    rules = snapshot.venue_rules and venue_rules(snapshot.venue_rules.symbols.values())
    snapshot = replace(snapshot, charter_hash=document_hash(charter), venue_rules=rules)
    decision: Decision = recorded(body, snapshot, ledger, *way)
    changes = [charter_change(charter)]
    if document is not None:
        changes.append(policy_change(document, 3))
    if rules is not None:
        changes.append(venue_change(rules))
    event(decision.verdict.kind if isinstance(decision.draft.intent, Intent) else "no intent")
    found = await replay_with(*changes).replay(decision.record)
    assert (found.outcome, found.differences, found.missing) == (Outcome.EQUAL, (), ())
