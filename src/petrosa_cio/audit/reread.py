"""Reads what decided back from a record: message, snapshot, readings, and who decided."""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from petrosa_cio.audit.record import Deciding, Provenance, Source
from petrosa_cio.risk.claims import Opponent, Readings
from petrosa_cio.risk.in_force import InForce, PolicyBook
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.loss_text import read_losses
from petrosa_cio.risk.losses import LossBook
from petrosa_cio.risk.overrides import Override
from petrosa_cio.risk.parse import Malformed
from petrosa_cio.risk.portfolio import PortfolioReading
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.seen_exposure import Seen
from petrosa_cio.risk.snapshot import ReferencePrice, Regime, Snapshot
from petrosa_cio.risk.trading_state import TradingState, TradingStates
from petrosa_cio.risk.unchecked import Flood
from petrosa_cio.risk.venue import VenueRules

Fields = Mapping[str, Any]


def body_of(source: Fields) -> bytes:
    """Return the message's bytes; of one that was too long to be kept, its beginning."""
    text = str(source["body"])
    return b64decode(text) if source["body_encoding"] == "base64" else text.encode()


def source_of(source: Fields, body: bytes) -> Source:
    """Return the captured message, with the bytes that it had."""
    return Source(
        source["subject"], source["headers"], body, source["stream"], source["stream_created_ns"],
        source["sequence"], datetime.fromisoformat(source["stored_at"]),
    )  # fmt: skip


def provenance_of(record: Fields) -> Provenance:
    """Return who concluded."""
    return Provenance(
        record["fund"], record["replica"], record["mode"], record["code_version"],
        record["tzdata_version"],
    )  # fmt: skip


def deciding_of(decision: Fields) -> Deciding:
    """Return what decided besides message, policy, charter and snapshot."""
    settings = decision["settings"]
    return Deciding(settings["code_version"], settings["max_intent_bytes"])


def flood_of(decision: Fields) -> Flood | None:
    """Return of which flood the intent was a part, if it was."""
    flood = decision.get("flood")
    return flood and Flood(flood["rate"], flood["tried"])


def readings_of(part: Fields | None) -> Readings | None:
    """Return what the ledger read; None where it was not asked or gave no answer."""
    if part is None:
        return None
    used, rates, prices = tuple(part["used"]), tuple(part["rates"]), part["prices"]
    opponent = part["opponent"] and Opponent(*part["opponent"])
    told = {"used": used, "rates": rates, "opponent": opponent, "prices": prices and tuple(prices)}
    return Readings(**{**part, **told})


def snapshot_of(
    decision: Fields,
    intent: Intent | Malformed,
    *,
    policy: PolicyBook | None,
    charter: InForce,
    venue_rules: VenueRules | None,
) -> Snapshot:
    """Return the world as far as this one decision could see it."""
    known, symbol = decision["snapshot"], intent.symbol or ""
    scope, regime = _regime_of(known["regime"])
    is_override = regime is not None and regime.is_override
    stated = {scope: regime} if regime else {}
    return Snapshot(
        now=datetime.fromisoformat(decision["now"]),
        policy=policy,
        charter_in_force=charter,
        policy_confirmed_at=_instant(known["policy_confirmed_at"]),
        policy_max_age_s=known["policy_max_age_s"],
        policy_untrusted=known["policy_untrusted"],
        trading_states=_states_of(known["trading_states"], intent),
        regimes={} if is_override else stated,
        regime_overrides=stated if is_override else {},
        reference_prices=_prices_of(known["reference_price"], symbol),
        venue_rules=venue_rules,
        equity_usd=_number(known["equity_usd"]),
        charter_hash=decision["charter_hash"],
        overrides={one.order: one for one in _overrides_of(decision)},
        losses=_losses_of(known.get("losses")),
        portfolio=_portfolio_of(known.get("portfolio")),
        seen=_seen_of(known.get("portfolio")),
    )


def _portfolio_of(part: Fields | None) -> PortfolioReading | None:
    """Return the portfolio as far as it was read; what decisions before there was one is none."""
    if part is None:
        return None
    return PortfolioReading(
        observed_at=datetime.fromisoformat(part["observed_at"]),
        source=part["source"],
        equity_usd=_number(part["equity_usd"]),
        positions=() if part["tells_positions"] else None,
    )


def _seen_of(part: Fields | None) -> dict[str, Seen]:
    return {} if part is None else {name: Seen(*one) for name, one in part["seen"].items()}


def _losses_of(part: Fields | None) -> LossBook | None:
    return None if part is None else read_losses(orjson.dumps(part))


def _overrides_of(decision: Fields) -> Iterator[Override]:
    part = decision["override"]
    if part is not None:
        yield override_from(part)


def override_from(part: Fields) -> Override:
    """Return the override that a record names."""
    codes = tuple(ReasonCode(code) for code in part["lifts"])
    proposed_at, expires_at = (
        datetime.fromisoformat(part[name]) for name in ("proposed_at", "expires_at")
    )
    return Override(
        part["override_id"], part["order"], codes, proposed_at, expires_at, part["author"],
        tuple(part["approved_by"]),
    )  # fmt: skip


def _regime_of(part: Fields | None) -> tuple[str, Regime | None]:
    if part is None:
        return "", None
    observed_at, expires_at = datetime.fromisoformat(part["observed_at"]), part.get("expires_at")
    confidence = Decimal(part["confidence"])
    return part["scope"], Regime(
        part["name"], confidence, observed_at, part["source"], _instant(expires_at)
    )


def _states_of(part: Fields | None, intent: Intent | Malformed) -> TradingStates | None:
    if part is None:
        return None
    token = intent.token if isinstance(intent, Intent) else ""
    return TradingStates(
        _state(part["fund"]),
        _stated(token, _state(part["strategy"])),
        _stated(intent.symbol or "", _state(part["symbol"])),
        part["epoch"],
    )


def _stated(name: str, state: TradingState | None) -> dict[str, TradingState]:
    return {} if state is None else {name: state}


def _state(text: str | None) -> TradingState | None:
    return None if text is None else TradingState(text)


def _prices_of(part: Fields | None, symbol: str) -> dict[str, ReferencePrice]:
    if part is None:
        return {}
    observed_at = datetime.fromisoformat(part["observed_at"])
    return {symbol: ReferencePrice(Decimal(part["price"]), observed_at, part["source"])}


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
