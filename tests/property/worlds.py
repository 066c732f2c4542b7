"""Draw policies, worlds, intents and ledgers: each one that passes, with a few things changed.

So about a third of all intents are approved or reduced, the changes crowd around the limits where
mistakes live, and what fails shrinks to the few changes that matter.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from petrosa_cio.risk.in_force import (
    PolicyBook,
    charter_in_force,
    entry_chain,
    pair_entries,
    stated_limits,
)
from petrosa_cio.risk.intent import Action, Intent, OrderType
from petrosa_cio.risk.limit_kinds import Change
from petrosa_cio.risk.limits import LIMIT_KINDS, LimitSet
from petrosa_cio.risk.losses import LossBook
from petrosa_cio.risk.parse import subject_token
from petrosa_cio.risk.policy import ANY, Charter, Overlay, Policy, PolicyDocument
from petrosa_cio.risk.seen_exposure import seen_exposure
from petrosa_cio.risk.snapshot import ReferencePrice, Regime, Snapshot
from petrosa_cio.risk.symbol_groups import read_symbol_groups
from petrosa_cio.risk.trading_hours import read_trading_hours
from petrosa_cio.risk.trading_state import TradingState, TradingStates
from petrosa_cio.risk.venue import (
    Increments,
    LeverageBracket,
    PriceBand,
    SymbolRules,
    VenueRules,
)
from tests.deciding import NOW, Plain, ago, losses_of, portfolio_of

STRATEGIES = ("momentum_v1", "Spread Watch")
SYMBOLS = ("BTCUSDT", "ETHUSDT")
REGIMES = ("calm", "wild")


def decimals(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


MONEY = decimals("0", "30", "49.9999", "50", "50.00005", "100", "1000", "5000")
QUANTITIES = decimals("0", "0.00000001", "0.0005", "0.001", "0.002", "1", "5")
PRICES = decimals("0.00001", "49000", "49999.7", "50000", "50000.3", "51000")
FRACTIONS = decimals("0", "0.333", "0.5", "0.8", "1")
SECONDS = (0, 2, 5, 30, 60, 300, 400)
COUNTS = (0, 1, 3)


# --- policies -------------------------------------------------------------------------------------

_BY_FIELD: dict[str, Iterable[Any]] = {
    "allowed_strategies": ((), STRATEGIES[:1], STRATEGIES[1:], STRATEGIES),
    "allowed_symbols": ((), SYMBOLS[:1], SYMBOLS[1:], SYMBOLS),
    "allowed_actions": ((), ("buy",), ("sell",), ("buy", "sell")),
    "allowed_order_types": ((), ("market",), ("limit",), ("market", "limit")),
    "regime_directions": ((), ("long",), ("short",), ("long", "short")),
    "on_order_above_max": ("deny", "reduce"),
    "max_order_quantity": QUANTITIES,
    "trading_hours": [
        read_trading_hours(stated)
        for stated in (
            [],
            ["always"],
            ["mon 12:00-12:01"],
            ["mon-fri 08:00-12:00"],
            ["sun 22:00-mon 12:01", "tue 00:00-24:00"],
        )
    ],
    "max_losses_in_a_row": (1, 2, 3),
    "max_group_exposure_usd": [
        read_symbol_groups(stated)
        for stated in (
            {},
            {"majors": {"symbols": ["BTCUSDT", "ETHUSDT"], "usd": 1000}},
            {"majors": {"symbols": ["BTCUSDT"], "usd": "49.9999"}},
            {name.lower(): {"symbols": [name], "usd": 50} for name in SYMBOLS},
        )
    ],
    "on_conflict": ("strongest_wins", "first_wins", "both_denied"),
}
_BY_UNIT: dict[str, Iterable[Any]] = {
    "USD": MONEY,
    "fraction": FRACTIONS,
    "seconds": SECONDS,
    "yes or no": (False, True),
    "basis points": (0, 1, 100, 200, 250, 1_000, 10_000),
    "ratio": decimals("0", "0.5", "1", "1.5"),
    "times": (1, 3, 10),
}


def _values(field: str) -> list[Any]:
    plain = _BY_FIELD.get(field) or _BY_UNIT.get(LIMIT_KINDS[field].unit, COUNTS)
    return [frozenset(one) if isinstance(one, tuple) else one for one in plain]


VALUES = {field: _values(field) for field in LIMIT_KINDS}
ANYWHERE = [field for field in LIMIT_KINDS if not LIMIT_KINDS[field].families]
SIZES = ["max_order_notional_usd", "max_order_quantity", "max_position_usd"]
PRICED = ["collar_bps", "max_reference_price_age_s", "max_stop_distance_bps", "min_reward_risk"]

Place = tuple[str, ...]
Edit = tuple[Place, str, Any]

PLACES: list[Place] = [
    ("fund",),
    *(("symbols", name) for name in (ANY, "BTCUSDT")),
    *(("strategies", name) for name in (ANY, "momentum_v1")),
    *(("strategy_symbols", who, what) for who in (ANY, "momentum_v1") for what in (ANY, "BTCUSDT")),
    *(("regimes", name) for name in (ANY, *REGIMES)),
]

# The limits that act on each other's sizes come up more often than the rest.
_STATEMENTS = [
    (field, value)
    for field in (*ANYWHERE, *SIZES, *SIZES, *PRICED, *PRICED, *["on_order_above_max"] * 8)
    for value in VALUES[field]
]
_REGIME_STATEMENTS = [
    (field, value)
    for field in ("size_scale", "regime_directions", "max_order_notional_usd")
    for value in VALUES[field]
]
# What all count together can be stated for the fund, and most of it for a symbol or a regime too.
_TOGETHER = [
    (place, (field, value))
    for place in PLACES
    for field in LIMIT_KINDS
    if "fund" in LIMIT_KINDS[field].families and place[0] in LIMIT_KINDS[field].families
    for value in VALUES[field]
]
EDITS = (
    st.sampled_from(_TOGETHER)
    | st.tuples(st.sampled_from(PLACES), st.sampled_from(_STATEMENTS))
    | st.tuples(
        st.sampled_from([place for place in PLACES if place[0] == "regimes"]),
        st.sampled_from(_REGIME_STATEMENTS),
    )
)
LIMITS = st.lists(
    st.sampled_from(_STATEMENTS) | st.sampled_from([said for _, said in _TOGETHER]), max_size=2
).map(dict)
LIMIT_SETS = LIMITS.map(LimitSet.model_validate)


def _families(edits: list[tuple[Place, tuple[str, Any]]]) -> Plain:
    plain: Plain = {}
    for place, (field, value) in edits:
        at = plain
        for step in place:
            at = at.setdefault(step, {})
        at[field] = value
    return plain


FAMILIES = st.lists(EDITS, max_size=4).map(_families)
POLICIES = FAMILIES.map(Policy.model_validate)
CHARTERS = LIMIT_SETS.map(lambda bounds: Charter(bounds=bounds))
DEMANDING_CHARTERS = st.builds(
    Charter,
    bounds=LIMIT_SETS,
    required_limits=st.sampled_from(((), (), ("max_position_usd",), ("min_confidence",))).map(
        frozenset
    ),
)
OVERLAYS = st.builds(
    lambda families, ends: Overlay(overlay_id="x", reason="x", expires_at=ends, **families),
    FAMILIES,
    st.sampled_from((ago(-1), NOW)),
)
DOCUMENTS = st.builds(
    PolicyDocument, policy=POLICIES, overlays=st.lists(OVERLAYS, max_size=1).map(tuple)
)


@st.composite
def tightened(draw: st.DrawFn, old: Policy) -> Policy:
    """Draw a policy that is nowhere looser, by tightening single limits of single entries."""
    plain: Plain = old.model_dump(exclude_unset=True)
    for place, (field, value) in draw(st.lists(EDITS, min_size=1, max_size=6)):
        before = getattr(stated_limits(_chain(old, place)), field)
        change = LIMIT_KINDS[field].compare_optional(before, value)
        if field != "unsized_order_usd" and change in (Change.EQUAL, Change.TIGHTER):
            at = plain
            for step in place:
                at = at.setdefault(step, {})
            at[field] = value
    return Policy.model_validate(plain)


def _chain(policy: Policy, place: Place) -> dict[str, LimitSet]:
    """Return what the policy says at a place: its entry, over those that it replaces."""
    family, *names = place
    if family == "fund":
        return {"fund": policy.fund}
    if family == "strategy_symbols":
        return pair_entries(policy, *names)
    return entry_chain(family, getattr(policy, family), names[0])


# --- the world, the intent, the ledger ------------------------------------------------------------


def _changed(base: Plain, changes: dict[str, list[Any]], most: int) -> st.SearchStrategy[Plain]:
    flat = [(key, value) for key, values in changes.items() for value in values]
    return st.lists(st.sampled_from(flat), max_size=most).map(lambda some: base | dict(some))


def _regime(name: str, confidence: Decimal = Decimal("0.8"), s_ago: int = 2) -> Regime:
    return Regime(name, confidence, ago(s_ago), "test")


def _venue(**rules: Any) -> VenueRules:
    return VenueRules({"BTCUSDT": SymbolRules("BTCUSDT", **rules)}, "test")


def _grid(step: str | None, lowest: str | None = None, highest: str | None = None) -> Increments:
    return Increments(
        *(None if text is None else Decimal(text) for text in (step, lowest, highest))
    )


_USUAL_VENUE: Plain = {
    "price": _grid("0.5", "0.5", "50500"),
    "quantity": _grid("0.0005", "0.0005", "2"),
    "min_notional_usd": Decimal(20),
    "max_notional_usd": Decimal(200),
}
VENUES = [
    _venue(),
    VenueRules(),
    *(_venue(is_trading=trades, **_USUAL_VENUE) for trades in (True, True, False)),
    *(
        _venue(**_USUAL_VENUE | change)
        for change in (
            {"quantity": _grid(None, "0.001", "0.001")},
            {"quantity": _grid("0.001", "0.0005")},  # off its own step: nothing lies on it
            {"quantity": _grid("0.0003"), "market_quantity": _grid("0.0002", None, "0.0012")},
            {"quantity": _grid(None), "market_quantity": _grid("0.0002", "0.0006")},
            {"min_notional_usd": Decimal(50), "max_notional_usd": Decimal(50)},
            {"min_notional_usd": Decimal(60), "min_notional_binds_market": False},
            {"max_notional_usd": Decimal(40), "max_notional_binds_market": False},
            {"buy_band": PriceBand(Decimal("0.98"), Decimal("1.02"))},
            {"sell_band": PriceBand(Decimal("0.99"), None), "price": _grid(None)},
            {"brackets": (LeverageBracket(Decimal(50), 5), LeverageBracket(Decimal(60), 2))},
        )
    ),
]


def _override(name: str, left_s: str, s_ago: int = 2) -> Regime:
    return Regime(name, Decimal("0.8"), ago(s_ago), "ann", ago(f"-{left_s}"), "test")


def _losses(**stated: Any) -> LossBook | None:
    """Return a book of losses: of a fund that lost nothing, but for what is stated."""
    strategies = {name: stated.pop(name) for name in ("momentum_v1",) if name in stated}
    calm = {"level": 100, "peak": 100, "day_start": 100, "strategies": strategies}
    return losses_of(calm | stated)


_ACTIVE, _REDUCING, _HALTED = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED
_PAUSED = TradingState.PAUSED

PORTFOLIOS = [
    None,
    *(
        portfolio_of({"equity_usd": equity, "positions": {}})
        for equity in ("0", "-5", "50", "1000", None)
    ),
    *(
        portfolio_of({"s_ago": seconds, "equity_usd": 1000, "positions": held, "granted": granted})
        for seconds in (0, 60, "60.000001", 300)
        for held in (
            None,
            {"BTCUSDT:long": "900", "ETHUSDT:short": "49.9999"},
            {"BTCUSDT:short": "30", "ETHUSDT:long": "5000"},
        )
        for granted in ({}, {"position:BTCUSDT:long": "500", "position:ETHUSDT:long": "4999"})
    ),
]

WORLDS = _changed(
    {
        "policy_confirmed_at": NOW,
        "trading_states": TradingStates(_ACTIVE),
        "regimes": {"*": _regime("calm")},
        "reference_prices": {"BTCUSDT": ReferencePrice(Decimal(50_000), NOW, "test")},
        "equity_usd": Decimal(100),
        "losses": _losses(),
    },
    {
        "policy_confirmed_at": [ago(5), ago("5.000001"), None],
        "trading_states": [
            None,
            TradingStates(None),
            TradingStates(_REDUCING),
            TradingStates(_HALTED),
            TradingStates(_ACTIVE, {"momentum_v1": _HALTED, "Spread_Watch": _REDUCING}),
            TradingStates(_ACTIVE, symbols={"BTCUSDT": _HALTED, "ETHUSDT": _REDUCING}),
            TradingStates(_REDUCING, {"momentum_v1": _ACTIVE}, {"BTCUSDT": _ACTIVE}),
            TradingStates(_ACTIVE, {"momentum_v1": _PAUSED}),
        ],
        "regimes": [
            {},
            {"*": _regime("wild")},
            {"BTCUSDT": _regime("wild"), "*": _regime("calm")},
            {"BTCUSDT": _regime("sideways"), "ETHUSDT": _regime("calm")},
            *({"*": _regime("calm", doubt)} for doubt in FRACTIONS),
            *({"*": _regime("calm", s_ago=seconds)} for seconds in SECONDS),
        ],
        "reference_prices": [
            {},
            *({"BTCUSDT": ReferencePrice(price, NOW, "test")} for price in PRICES),
            *(
                {"BTCUSDT": ReferencePrice(Decimal(50_000), ago(seconds), "test")}
                for seconds in (-30, "-5.000001", -5, *SECONDS, "30.000001")
            ),
        ],
        "venue_rules": VENUES,
        "policy_untrusted": ["revision 1 after revision 3"],
        "regime_overrides": [
            *({"*": _override("wild", left)} for left in ("3600", "0.000001", "0")),
            {"BTCUSDT": _override("calm", "60"), "*": _override("wild", "60")},
            {"BTCUSDT": _override("wild", "0"), "*": _override("sideways", "60")},
            {"ETHUSDT": _override("wild", "60")},
            {"*": _override("calm", "60", s_ago=9_999)},
        ],
        "losses": [
            None,
            *(_losses(s_ago=seconds) for seconds in (-121, -120, 120, "120.000001", None)),
            *(_losses(level=level) for level in ("0.01", 90, 97, "97.5", 98, "99.99", None)),
            *(_losses(day_start=start) for start in (None, 99, 101, 1000)),
            _losses(level=90, accepted=True),
            *(
                _losses(latched=[kind])
                for kind in ("daily_loss", "drawdown_reducing", "drawdown_halted")
            ),
            _losses(latched=["strategy_drawdown Spread_Watch"]),
            _losses(latched=["strategy_drawdown momentum_v1"], momentum_v1={"level": 5, "peak": 5}),
            *(
                _losses(momentum_v1={"level": level, "peak": peak})
                for level, peak in ((0, 0), (-20, 10), (20, "69.9999"), (None, None), (None, 10))
            ),
            *(
                _losses(momentum_v1={"level": 0, "peak": 0, "lost_s_ago": lost})
                for lost in ([0], [59], [60], [61, 2], [300, 301, 0], [302, 2, 2, 2])
            ),
        ],
        "portfolio": PORTFOLIOS,
        "equity_usd": [None, Decimal(0), Decimal("-5"), Decimal("99.99")],
    },
    most=2,
)


def world(document: PolicyDocument | None, charter: Charter, parts: Plain) -> Snapshot:
    """Put a snapshot together, with a policy book of its own."""
    book = None if document is None else PolicyBook(document, charter, 3)
    held = parts.get("portfolio")
    seen = {} if held is None else seen_exposure(held)
    return Snapshot(NOW, book, charter_in_force(charter), seen=seen, **parts)


INTENTS = _changed(
    {
        "strategy": "momentum_v1",
        "symbol": "BTCUSDT",
        "action": Action.BUY,
        "confidence": Decimal("0.8"),
        "quantity": Decimal("0.001"),
        "price": Decimal(50_000),
        "current_price": Decimal(50_000),
        "stop_loss": Decimal(49_000),
        "take_profit": Decimal(51_500),
        "leverage": Decimal(3),
    },
    {
        "strategy": ["Spread Watch"],
        "symbol": ["ETHUSDT"],
        "action": [Action.SELL, Action.SELL, Action.CLOSE, Action.CLOSE, Action.HOLD],
        "stated_at": [ago(seconds) for seconds in (-30, "-5.000001", -5, 0, 2, 60, 300, 301)],
        "confidence": [*FRACTIONS, None, Decimal("1.000001")],
        "quantity": [*QUANTITIES, *decimals("0.0010000001", "0.0033", "-1", "2000001"), None, None],
        "position_size_pct": [*FRACTIONS, Decimal(-1)],
        "quote_quantity": [*MONEY, Decimal(-1)],
        "price": [*PRICES, Decimal(0), None],
        "current_price": [*PRICES, None],
        "stop_loss": [*PRICES, None],
        "stop_loss_pct": [*decimals("0.01", "0.5", "2"), None],
        "take_profit": [*PRICES, None],
        "order_type": [*[OrderType.LIMIT] * 12, OrderType.STOP],
        "leverage": [*decimals("0", "1", "2.5", "5", "11"), None],
        "source": ["realtime_strategies"],
        "metadata": [
            {"direction": "short", "trend_direction": "bullish"},
            {"signal": " Buy ", "bias": 7},
            {"event_type": "widening"},
            {"iceberg_side": "bid", "signal_type": "bearish_ichimoku"},
            *({"stop_loss": price} for price in (*PRICES, 3, None)),
            *({"price": price, "current_price": price} for price in decimals("24999", "75000")),
        ],
        "extra": [{"position_side": "LONG"}, {"positionSide": "SHORT", "note": []}],
    },
    most=2,
).map(lambda parts: Intent(token=subject_token(parts["strategy"]), **parts))

_POSITIONS = [f"position:{symbol}:{side}" for symbol in SYMBOLS for side in ("long", "short")]

LEDGERS = _changed(
    {
        "used_usd": {},
        "events": {},
        "first_decision": None,
        "same_content": False,
        "name_holder": None,
        "same_s_ago": None,
        "executed": 0,
        "opposites": [],
        "shut_by": None,
        "prices": [],
    },
    {
        "used_usd": [
            *({counter: used} for counter in ("gross", *_POSITIONS) for used in MONEY),
            *({"strategy:momentum_v1": used} for used in MONEY),
            *({"open_orders": count} for count in decimals("0", "1", "2", "3")),
            {"position:BTCUSDT:long": Decimal(900), "position:ETHUSDT:long": Decimal(50)},
        ],
        "events": [{window: count} for window in (1, 60, 3_600) for count in COUNTS],
        "same_s_ago": [0, "1.999", 2, 30],
        "executed": list(COUNTS),
        "opposites": [
            [{"id": "o1", "confidence": sure, "s_ago": ago_s}]
            for sure in ("0.7999", "0.8", "0.9")
            for ago_s in (0, 2, 59)
        ]
        + [
            [
                {"id": "o1", "confidence": "0.9", "s_ago": 40},
                {"id": "o2", "confidence": "0.5", "s_ago": 1},
            ]
        ],
        "shut_by": [{"id": "o3", "confidence": "0.1", "s_ago": ago_s} for ago_s in (1, 30)],
        "prices": [decimals("49504.950495"), decimals("50500", "50000"), decimals("0.00001")],
        "first_decision": ["d1"],
        "same_content": [True],
        "name_holder": ["other"],
    },
    most=2,
)  # fmt: skip


def taken_at(intent: Intent) -> datetime:
    """Return when the intent counts as made: never later than it was stored."""
    return NOW if intent.stated_at is None else min(NOW, intent.stated_at)
