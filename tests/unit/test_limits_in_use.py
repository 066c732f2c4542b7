"""Which limits hold for whom, and how much of each is used."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from petrosa_cio.risk.in_force import InForce, PolicyBook
from petrosa_cio.risk.limits import LIMIT_KINDS
from petrosa_cio.risk.limits_in_use import Asked, Counted, LimitLine, Use, limit_lines
from petrosa_cio.risk.policy import Charter, PolicyDocument

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
POLICY = {
    "fund": {
        "max_gross_exposure_usd": 20_000,
        "min_confidence": "0.6",
        "max_fund_intents_per_minute": 480,
    },
    "symbols": {"*": {"max_position_usd": 5_000}, "ETHUSDT": {"max_position_usd": 1_000}},
    "strategies": {"*": {"max_intents_per_second": 5}, "grid": {"max_intents_per_minute": 60}},
    "regimes": {"wild": {"size_scale": "0.5"}},
}
CHARTER = {
    "bounds": {"max_gross_exposure_usd": 15_000},
    "required_limits": ["max_order_notional_usd", "max_position_usd"],
}
USD = 10_000
COUNTED = Counted(
    {
        "gross": 9_000 * USD,
        "position:BTCUSDT:long": 2_500 * USD,
        "position:ETHUSDT:short": 900 * USD,
        "position:BNBUSDT:long": 5_600 * USD,
    },
    {
        "max_intents_per_second": 5,
        "max_intents_per_minute": 45,
        "max_exits_per_minute": 2,
        "max_symbol_intents_per_second": 3,
        "max_fund_intents_per_minute": 120,
    },
)


def limits_for(strategy: str = "*", regime: str | None = None) -> Callable[[str], InForce]:
    document = PolicyDocument.model_validate({"policy": POLICY})
    book = PolicyBook(document, Charter.model_validate(CHARTER))
    return lambda symbol: book.in_force(strategy, symbol, regime, NOW)


ANYBODY = Asked()


def lines(
    asked: Asked = ANYBODY, counted: Counted | None = COUNTED, regime: str | None = None
) -> dict[str, LimitLine]:
    found = limit_lines(asked, limits_for(asked.strategy, regime), counted)
    return {line.name: line for line in found}


def test_every_limit_is_there_in_the_order_of_the_reference() -> None:
    assert list(lines()) == list(LIMIT_KINDS)
    assert all(line.description for line in lines().values())


def test_the_binding_entry_is_named_and_what_is_missing_is_told() -> None:
    found = lines()
    gross = found["max_gross_exposure_usd"]
    assert (gross.value, gross.unit, gross.entry) == (Decimal(15_000), "USD", "charter")
    assert found["max_position_usd"].entry == "symbols.*"
    assert found["allowed_symbols"].value is None
    assert [name for name, line in found.items() if line.is_missing] == ["max_order_notional_usd"]


def test_gross_exposure_is_counted_against_the_bound() -> None:
    (use,) = lines()["max_gross_exposure_usd"].uses
    assert use == Use("gross", Decimal(9_000), Decimal(15_000))
    assert use.share == Decimal("0.6000")


def test_every_position_is_counted_against_its_own_limit_the_fullest_first() -> None:
    assert lines()["max_position_usd"].uses == (
        Use("position:BNBUSDT:long", Decimal(5_600), Decimal(5_000)),
        Use("position:ETHUSDT:short", Decimal(900), Decimal(1_000)),
        Use("position:BTCUSDT:long", Decimal(2_500), Decimal(5_000)),
    )


def test_of_one_symbol_both_sides_are_shown() -> None:
    found = lines(Asked(symbol="ETHUSDT"))["max_position_usd"]
    assert (found.value, found.entry) == (Decimal(1_000), "symbols.ETHUSDT")
    assert found.uses == (
        Use("position:ETHUSDT:short", Decimal(900), Decimal(1_000)),
        Use("position:ETHUSDT:long", Decimal(0), Decimal(1_000)),
    )


def test_the_events_of_a_strategy_are_counted_where_they_were_read() -> None:
    found = lines(Asked(strategy="grid", token="grid"))
    assert found["max_intents_per_second"].uses[0].share == 1
    assert found["max_intents_per_minute"].uses == (Use("intents:grid", Decimal(45), Decimal(60)),)
    (exits,) = found["max_exits_per_minute"].uses
    assert (exits.about, exits.limit, exits.share) == ("exits:grid", None, None)


def test_the_rate_of_the_fund_is_shown_to_anybody_and_that_of_a_symbol_to_who_asks() -> None:
    found = lines()
    assert found["max_fund_intents_per_minute"].uses == (
        Use("fund_intents", Decimal(120), Decimal(480)),
    )
    assert not found["max_symbol_intents_per_second"].uses
    assert not found["max_intents_per_second"].uses
    (use,) = lines(Asked(symbol="ETHUSDT"))["max_symbol_intents_per_second"].uses
    assert (use.about, use.used) == ("symbol_intents:ETHUSDT", Decimal(3))


def test_a_regime_states_limits_of_its_own() -> None:
    assert lines(regime="wild")["size_scale"].entry == "regimes.wild"
    assert lines()["size_scale"].value is None


def test_without_a_ledger_nothing_is_said_of_use() -> None:
    assert not any(line.uses for line in lines(counted=None).values())


@pytest.mark.parametrize(
    ("limit", "share"), [(None, None), (Decimal(0), Decimal(1)), (Decimal(3), Decimal("0.3333"))]
)
def test_a_share(limit: Decimal | None, share: Decimal | None) -> None:
    assert Use("gross", Decimal(1), limit).share == share
