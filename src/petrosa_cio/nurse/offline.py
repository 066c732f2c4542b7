"""Decides one message without any server, exactly as the gate would."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from petrosa_cio import __version__
from petrosa_cio.audit.record import Deciding, DecisionParts, Source
from petrosa_cio.nurse.arrival import Arrival
from petrosa_cio.nurse.decision import draft, reserve_request
from petrosa_cio.ports import Ledger
from petrosa_cio.risk.decide import conclude
from petrosa_cio.risk.in_force import PolicyBook, charter_in_force
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.parse import Malformed, parse_intent
from petrosa_cio.risk.policy import Charter, Policy, PolicyDocument
from petrosa_cio.risk.snapshot import ReferencePrice, Regime, Snapshot
from petrosa_cio.risk.trading_state import TradingState, TradingStates
from petrosa_cio.risk.venue import VenueRules
from petrosa_cio.risk.verdict import Verdict


@dataclass(frozen=True, slots=True)
class OfflineQuestion:
    """One message to decide without any server.

    Attributes:
        body: The message.
        policy: The policy to decide under.
        charter: Its charter.
        regime: The market regime it meets.
        reference_price: Independent market price, USD.
        equity_usd: The fund's equity.
        now: The moment of decision.
        venue_rules: What the venue asks of orders.
    """

    body: bytes
    policy: Policy
    charter: Charter
    now: datetime
    regime: Regime | None = None
    reference_price: Decimal | None = None
    equity_usd: Decimal | None = None
    venue_rules: VenueRules | None = None


async def decide_offline(question: OfflineQuestion, ledger: Ledger, *, max_bytes: int) -> Verdict:
    """Decide one message as the gate would while the fund is active.

    Args:
        question: The message and the world it meets.
        ledger: What is shared and already taken.
        max_bytes: Longest message that is read.
    """
    intent = parse_intent(question.body, max_bytes=max_bytes)
    source = Source("", {}, question.body, "", 0, 0, question.now)
    snapshot = _snapshot(question, intent)
    parts = DecisionParts(snapshot, Deciding(__version__, max_bytes))
    one = draft(Arrival("offline", source), parts)
    if not one.assessment.asks_ledger:
        return conclude(one.assessment, None)
    (reserved,) = await ledger.reserve([reserve_request(one, holds=True)])
    return conclude(one.assessment, reserved.readings)


def _snapshot(question: OfflineQuestion, intent: Intent | Malformed) -> Snapshot:
    symbol = intent.symbol or ""
    return Snapshot(
        now=question.now,
        policy=PolicyBook(PolicyDocument(policy=question.policy), question.charter),
        charter_in_force=charter_in_force(question.charter),
        policy_confirmed_at=question.now,
        trading_states=TradingStates(TradingState.ACTIVE),
        regimes={symbol: question.regime} if question.regime else {},
        reference_prices=_prices(question, symbol),
        venue_rules=question.venue_rules,
        equity_usd=question.equity_usd,
    )


def _prices(question: OfflineQuestion, symbol: str) -> dict[str, ReferencePrice]:
    if question.reference_price is None:
        return {}
    return {symbol: ReferencePrice(question.reference_price, question.now, "stated")}
