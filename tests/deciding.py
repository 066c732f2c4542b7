"""Build what a decision needs from plain, readable data, as YAML cases and properties state it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import yaml

from petrosa_cio.risk.claims import (
    Claim,
    DriftClaim,
    Opponent,
    OppositeClaim,
    RateClaim,
    Readings,
    to_units,
)
from petrosa_cio.risk.counters import ON_SIDE, is_position, side_of
from petrosa_cio.risk.decide import assess, conclude
from petrosa_cio.risk.drift import drifts_from, price_text
from petrosa_cio.risk.in_force import PolicyBook, charter_in_force
from petrosa_cio.risk.intent import Direction, Intent
from petrosa_cio.risk.losses import Latch, LatchKind, LossBook, StrategyTrail, Trail
from petrosa_cio.risk.overrides import Override, order_fingerprint
from petrosa_cio.risk.parse import Malformed, parse_intent
from petrosa_cio.risk.policy import Charter, PolicyDocument
from petrosa_cio.risk.portfolio import PortfolioReading, Position
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.repetition import CONFIDENCE_UNITS, loses_to
from petrosa_cio.risk.seen_exposure import seen_exposure
from petrosa_cio.risk.snapshot import ReferencePrice, Regime, Snapshot
from petrosa_cio.risk.trading_state import TradingState, TradingStates
from petrosa_cio.risk.venue import SymbolRules, VenueRules
from petrosa_cio.risk.verdict import Assessment, Verdict

CASES = Path(__file__).parent / "cases"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)

Plain = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decided:
    """What came out of both halves of one decision."""

    intent: Intent | Malformed
    assessment: Assessment
    verdict: Verdict


def load(name: str) -> Any:
    """Read a file of cases; its numbers stay text where they are quoted."""
    return yaml.safe_load((CASES / name).read_text("utf-8"))


def over(base: Any, change: Any) -> Any:
    """Lay a change over a base, key by key."""
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    return base | {key: over(base.get(key), value) for key, value in change.items()}


def ago(seconds: float | str | Decimal) -> datetime:
    """Return the instant so many seconds before the moment of decision."""
    return NOW - timedelta(microseconds=int(Decimal(str(seconds)) * 1_000_000))


def snapshot_of(case: Mapping[str, Any]) -> Snapshot:
    """Build the world of a case."""
    charter = Charter.model_validate(case.get("charter") or {})
    policy, world = case.get("policy"), case.get("snapshot") or {}
    document = {"policy": policy, "overlays": case.get("overlays") or []}
    confirmed = world.get("policy_confirmed_s_ago", 0)
    equity, portfolio = world.get("equity_usd"), portfolio_of(world.get("portfolio"))
    return Snapshot(
        now=NOW,
        policy=None
        if policy is None
        else PolicyBook(PolicyDocument.model_validate(document), charter, 7),
        charter_in_force=charter_in_force(charter),
        policy_confirmed_at=None if confirmed is None else ago(confirmed),
        policy_untrusted=world.get("policy_untrusted"),
        trading_states=_states(world.get("trading")),
        regimes={symbol: _regime(one) for symbol, one in (world.get("regimes") or {}).items()},
        regime_overrides={
            symbol: _regime(one) for symbol, one in (world.get("overrides") or {}).items()
        },
        reference_prices={
            symbol: _price(price) for symbol, price in (world.get("prices") or {}).items()
        },
        venue_rules=_venue(world.get("venue")),
        equity_usd=None if equity is None else Decimal(str(equity)),
        losses=losses_of(world.get("losses")),
        portfolio=portfolio,
        seen={} if portfolio is None else seen_exposure(portfolio),
    )


def portfolio_of(stated: Plain | None) -> PortfolioReading | None:
    """Read a portfolio: ``positions`` by symbol and side in USD, ``granted`` by counter in USD."""
    if stated is None:
        return None
    positions, equity = stated.get("positions", {}), stated.get("equity_usd")
    granted = {name: to_units(Decimal(str(usd))) for name, usd in stated.get("granted", {}).items()}
    return PortfolioReading(
        observed_at=ago(stated.get("s_ago", 0)),
        source="test",
        equity_usd=None if equity is None else Decimal(str(equity)),
        positions=None if positions is None else tuple(map(_position, positions.items())),
        open_orders=stated.get("open_orders"),
        granted=granted,
    )


def _position(stated: tuple[str, Any]) -> Position:
    symbol, direction, *strategy = stated[0].split(":")
    usd = Decimal(str(stated[1]))
    whose = strategy[0] if strategy else None
    return Position(symbol, Direction(direction), Decimal(1), usd, whose)


def _states(trading: Plain | None) -> TradingStates | None:
    if trading is None:
        return None
    fund = trading.get("fund")
    return TradingStates(
        None if fund is None else TradingState(fund),
        {name: TradingState(state) for name, state in (trading.get("strategies") or {}).items()},
        {name: TradingState(state) for name, state in (trading.get("symbols") or {}).items()},
    )


def losses_of(stated: Plain | None) -> LossBook | None:
    """Read what was lost: levels, peaks and starts in USD, losses in a row as seconds ago."""
    if stated is None:
        return None
    strategies = {
        token: StrategyTrail(
            _trail(one), lost_at=tuple(ago(seconds) for seconds in one.get("lost_s_ago") or ())
        )
        for token, one in (stated.get("strategies") or {}).items()
    }
    latches = tuple(
        Latch(LatchKind(kind), NOW, "then", "then", strategy=token)
        for kind, _, token in (one.partition(" ") for one in stated.get("latched") or ())
    )
    start, measured_s_ago = stated.get("day_start"), stated.get("s_ago", 0)
    return LossBook(
        None if measured_s_ago is None else ago(measured_s_ago),
        _trail(stated),
        NOW.date(),
        None if start is None else Decimal(str(start)),
        strategies,
        latches,
        is_accepted=stated.get("accepted", False),
    )


def _trail(stated: Plain) -> Trail:
    level, peak = (
        None if stated.get(name) is None else Decimal(str(stated[name]))
        for name in ("level", "peak")
    )
    return Trail(() if level is None else (level,), level=level, peak=peak)


def _price(one: Any) -> ReferencePrice:
    """Read a price, or a mapping of ``price`` and ``s_ago``."""
    stated = one if isinstance(one, dict) else {"price": one}
    return ReferencePrice(Decimal(str(stated["price"])), ago(stated.get("s_ago", 0)), "test")


def _venue(by_symbol: Plain | None) -> VenueRules | None:
    if by_symbol is None:
        return None
    rules = {}
    for symbol, one in by_symbol.items():
        stated = {name: value for name, value in (one or {}).items() if value is not None}
        rules[symbol] = msgspec.convert(stated | {"symbol": symbol}, SymbolRules, strict=False)
    return VenueRules(rules, "test")


def _override(one: Plain, intent: Intent) -> Override:
    """Read what is lifted for the order of a case, or for another: ``of`` says what differs."""
    order = order_fingerprint(msgspec.structs.replace(intent, **one.get("of", {})))
    codes, ends = tuple(map(ReasonCode, one["lifts"])), ago(-one.get("left_s", 60))
    return Override("f" * 64, order, codes, ago(60), ends, "ann", ("bob",))


def _regime(one: Plain) -> Regime:
    confidence, left_s = Decimal(str(one.get("confidence", 1))), one.get("left_s")
    expires_at = None if left_s is None else ago(-Decimal(str(left_s)))
    return Regime(one["name"], confidence, ago(one.get("s_ago", 0)), "test", expires_at)


def readings_of(assessment: Assessment, ledger: Mapping[str, Any]) -> Readings:
    """Read an honest ledger: it tests and takes what it is asked for, by its own counts.

    ``used_usd`` and ``events`` say what was there before, by counter and by window in seconds;
    ``same_s_ago``, ``executed``, ``opposites``, ``shut_by`` and ``prices`` say what was approved.
    """
    used_usd, events = ledger.get("used_usd") or {}, ledger.get("events") or {}
    used = tuple(_used(claim, used_usd) for claim in assessment.claims)
    seen = tuple(_seen(rate, ledger, events) for rate in assessment.rates)
    opponent, prices = _opponent(assessment.opposite, ledger), _prices(assessment.drift, ledger)
    fits = all(claim.fits(before) for before, claim in zip(used, assessment.claims, strict=True))
    in_time = all(
        before < rate.ceiling for before, rate in zip(seen, assessment.rates, strict=True)
    )
    first, holder = ledger.get("first_decision"), ledger.get("name_holder")
    loses = assessment.opposite is not None and loses_to(assessment.opposite, opponent)
    drifts = assessment.drift is not None and drifts_from(assessment.drift, prices)
    fine = not assessment.denies and fits and first is None and holder is None
    is_used = assessment.lifted is not None and ledger.get("override_used_by") is not None
    held = fine and in_time and not loses and not drifts and not is_used
    return Readings(
        held=ledger.get("held", held),
        used=used,
        rates=seen,
        time_ms=0,
        first_decision=first,
        first_verdict=ledger.get("first_verdict", ""),
        same_content=ledger.get("same_content", False),
        name_holder=holder,
        opponent=opponent,
        prices=prices,
        override_used_by=ledger.get("override_used_by") if assessment.lifted else None,
    )


def _used(claim: Claim, used_usd: Mapping[str, Any]) -> int:
    counters = list(claim.members) or [claim.counter]
    for pattern in ON_SIDE.values():
        if pattern in counters:
            side = side_of(pattern)
            counters += [one for one in used_usd if is_position(one) and side_of(one) == side]
    return sum(to_units(Decimal(str(used_usd.get(one, 0)))) for one in counters)


def _seen(rate: RateClaim, ledger: Mapping[str, Any], events: Mapping[int, int]) -> int:
    if rate.pauses:
        return int(ledger.get("executed", 0))
    if not rate.of_held:
        return events.get(rate.window_ms // 1000, 0)
    ago_s = ledger.get("same_s_ago")
    return 0 if ago_s is None else int(_is_within(ago_s, rate.window_ms))


def _is_within(ago_s: float, window_ms: int) -> bool:
    return Decimal(str(ago_s)) * 1000 < window_ms


def _opponent(claim: OppositeClaim | None, ledger: Mapping[str, Any]) -> Opponent | None:
    """Return who stands against an opening: each is said as id, confidence and seconds ago."""
    if claim is None:
        return None
    shut_by, opposites = ledger.get("shut_by"), ledger.get("opposites") or []
    if shut_by is not None and _is_within(shut_by["s_ago"], claim.window_ms):
        return _opponent_of(shut_by, is_shut=True)
    within = [one for one in opposites if _is_within(one["s_ago"], claim.window_ms)]
    strongest = max(within, key=lambda one: Decimal(str(one["confidence"])), default=None)
    return None if strongest is None else _opponent_of(strongest, is_shut=False)


def _opponent_of(one: Plain, *, is_shut: bool) -> Opponent:
    confidence = Decimal(str(one["confidence"])) * CONFIDENCE_UNITS
    return Opponent(one["id"], int(confidence), is_shut)


def _prices(claim: DriftClaim | None, ledger: Mapping[str, Any]) -> tuple[str, str] | None:
    prices = ledger.get("prices")
    if claim is None or not prices:
        return None
    texts = sorted(price_text(Decimal(str(price))) for price in prices)
    return texts[0], texts[-1]


def decide(case: Mapping[str, Any]) -> Decided:
    """Decide a case: message in, verdict out. A ``ledger`` of null does not answer."""
    message = dict(case["intent"])
    stated, stored = message.pop("stated_s_ago", None), message.pop("stored_s_ago", 0)
    if stated is not None:
        message["timestamp"] = ago(stated).isoformat()
    intent = parse_intent(json.dumps(message).encode())
    taken_at = ago(stored)
    if isinstance(intent, Intent) and intent.stated_at is not None:
        taken_at = min(taken_at, intent.stated_at)
    snapshot = snapshot_of(case)
    if isinstance(intent, Intent) and (stated_override := case.get("override")):
        override = _override(stated_override, intent)
        snapshot = replace(snapshot, overrides={override.order: override})
    assessment = assess(intent, taken_at=taken_at, snapshot=snapshot)
    readings = None
    ledger = case.get("ledger", {})
    if assessment.asks_ledger and ledger is not None:
        readings = readings_of(assessment, ledger)
    return Decided(intent, assessment, conclude(assessment, readings))
