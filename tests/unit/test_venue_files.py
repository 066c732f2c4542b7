"""The venue's own words, read as rules: exactly, or not at all."""

from decimal import Decimal
from typing import Any

import orjson
import pytest

from petrosa_cio.errors import VenueRulesRejected
from petrosa_cio.fleet.venue_files import MAX_FILE_BYTES, read_venue
from petrosa_cio.risk.venue import Increments, LeverageBracket, PriceBand, SymbolRules
from petrosa_cio.risk.venue_form import canonical_form, from_canonical_form
from tests.loading import ROOT
from tests.venues import exchange_info, symbol_entry

EXAMPLES = ROOT / "examples" / "venue"


def read(*bodies: bytes) -> dict[str, SymbolRules]:
    named = [(f"file {number}", body) for number, body in enumerate(bodies, start=1)]
    return dict(read_venue(named).symbols)


def rules(**filters: Any) -> SymbolRules:
    return read(exchange_info(symbol_entry(filters=filters)))["BTCUSDT"]


def problems(*bodies: bytes) -> tuple[str, ...]:
    with pytest.raises(VenueRulesRejected) as caught:
        read(*bodies)
    return caught.value.problems


def brackets(*stated: tuple[object, object], symbol: str = "BTCUSDT") -> bytes:
    each = [{"notionalCap": cap, "initialLeverage": leverage} for cap, leverage in stated]
    return orjson.dumps([{"symbol": symbol, "brackets": each}])


def test_futures_with_brackets() -> None:
    files = [(name, (EXAMPLES / name).read_bytes()) for name in ("futures.json", "brackets.json")]
    found = read_venue(files)
    band = PriceBand(Decimal("0.94"), Decimal("1.06"))
    assert found.symbols["BTCUSDT"] == SymbolRules(
        symbol="BTCUSDT",
        price=Increments(Decimal("0.5"), Decimal(500), Decimal(5_000_000)),
        quantity=Increments(Decimal("0.001"), Decimal("0.002"), Decimal(900)),
        market_quantity=Increments(Decimal("0.001"), Decimal("0.002"), Decimal(110)),
        min_notional_usd=Decimal(90),
        buy_band=band,
        sell_band=band,
        brackets=(
            LeverageBracket(Decimal(60_000), 100),
            LeverageBracket(Decimal(700_000), 40),
            LeverageBracket(Decimal(9_000_000), 15),
        ),
    )
    assert found.symbols["ETHUSDT"].brackets == ()
    assert [name for name, one in found.symbols.items() if not one.is_trading] == ["OLDUSDT"]


def test_spot() -> None:
    (found,) = read((EXAMPLES / "spot.json").read_bytes()).values()
    assert found == SymbolRules(
        symbol="BTCUSDT",
        price=Increments(Decimal("0.02"), Decimal("0.02"), Decimal(2_000_000)),
        quantity=Increments(Decimal("0.00002"), Decimal("0.00002"), Decimal(8_000)),
        market_quantity=Increments(None, None, Decimal("120.5")),
        min_notional_usd=Decimal(6),
        max_notional_usd=Decimal(8_000_000),
        max_notional_binds_market=False,
        buy_band=PriceBand(Decimal("0.25"), Decimal(4)),
        sell_band=PriceBand(Decimal("0.3"), Decimal(6)),
    )


def test_zero_is_no_rule() -> None:
    nothing = {"minPrice": "0", "maxPrice": "0.00", "tickSize": 0}
    found = rules(
        PRICE_FILTER=nothing,
        MIN_NOTIONAL={"notional": "0"},
        PERCENT_PRICE={"multiplierUp": "0", "multiplierDown": "0"},
    )
    assert (found.price, found.min_notional_usd, found.buy_band) == (
        Increments(), None, PriceBand()
    )  # fmt: skip


@pytest.mark.parametrize(
    ("filters", "lowest", "binds"),
    [
        ({"MIN_NOTIONAL": {"minNotional": "5", "applyToMarket": False}}, 5, False),
        ({"MIN_NOTIONAL": {"minNotional": "5"}}, 5, True),
        ({"MIN_NOTIONAL": {"notional": "5"}}, 5, True),
        ({"NOTIONAL": {"minNotional": "5", "applyMinToMarket": False}}, 5, False),
        (
            {
                "NOTIONAL": {"minNotional": "5", "applyMinToMarket": False},
                "MIN_NOTIONAL": {"minNotional": "7", "applyToMarket": False},
            },
            7, False,
        ),
        (
            {
                "MIN_NOTIONAL": {"minNotional": "7", "applyToMarket": True},
                "NOTIONAL": {"minNotional": "5", "applyMinToMarket": False},
            },
            7, True,
        ),
    ],
)  # fmt: skip
def test_the_smallest_value_is_the_strictest_that_is_stated(
    filters: dict[str, Any], lowest: int, binds: bool
) -> None:
    found = rules(**filters)
    assert found.min_notional_usd == lowest
    assert found.min_notional_binds_market is binds


def test_of_two_price_bands_the_narrower_counts() -> None:
    found = rules(
        PERCENT_PRICE={"multiplierUp": "3", "multiplierDown": "0.5"},
        PERCENT_PRICE_BY_SIDE={
            "bidMultiplierUp": "2", "bidMultiplierDown": "0.2",
            "askMultiplierUp": "5", "askMultiplierDown": "0.8",
        },
    )  # fmt: skip
    assert found.buy_band == PriceBand(Decimal("0.5"), Decimal(2))
    assert found.sell_band == PriceBand(Decimal("0.8"), Decimal(3))


def test_numbers_are_exact_however_they_are_written() -> None:
    body = exchange_info().replace(b'"0.50"', b"0.1000000000000000055").replace(b'"900"', b"9E2")
    found = read(body)["BTCUSDT"]
    assert found.price.step == Decimal("0.1000000000000000055")
    assert str(found.quantity.highest) == "900"


def test_the_same_rules_are_the_same_bytes() -> None:
    one = read_venue([("a", exchange_info(symbol_entry("BTCUSDT"), symbol_entry("ETHUSDT")))])
    padded = exchange_info(symbol_entry("ETHUSDT"), symbol_entry("BTCUSDT"))
    other = read_venue([("b", padded.replace(b'"0.50"', b'"0.5000"').replace(b'"900"', b"900.0"))])
    assert one.content_hash == other.content_hash
    changed = read_venue([("c", padded.replace(b'"0.50"', b'"0.51"'))])
    assert changed.content_hash != one.content_hash
    assert from_canonical_form(canonical_form(one.symbols)) == one


@pytest.mark.parametrize("form", [b"", b"{}", b'{"form_version": 2, "symbols": []}', b"\xff"])
def test_what_is_no_canonical_form_is_refused(form: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_canonical_form(form)


@pytest.mark.parametrize(
    ("stated", "is_trading"),
    [
        ({}, True),
        ({"status": "BREAK"}, False),
        ({"status": "PENDING_TRADING"}, False),
        ({"contractType": "PERPETUAL"}, True),
        ({"contractType": ""}, False),
        ({"isSpotTradingAllowed": True}, True),
        ({"isSpotTradingAllowed": False}, False),
    ],
)
def test_whether_orders_are_taken(stated: dict[str, Any], is_trading: bool) -> None:
    assert read(exchange_info(symbol_entry(**stated)))["BTCUSDT"].is_trading is is_trading


def test_the_last_file_counts_for_its_symbols_only() -> None:
    later = symbol_entry(filters={"LOT_SIZE": {"minQty": "5", "maxQty": "9", "stepSize": "1"}})
    both = exchange_info(symbol_entry(), symbol_entry("ETHUSDT"))
    found = read(both, exchange_info(later))
    assert [one.quantity.lowest for one in found.values()] == [Decimal(5), Decimal("0.002")]


def test_brackets_join_their_symbol_wherever_they_stand() -> None:
    stated = brackets((50_000, 20), (5_000, "75"))
    expected = (LeverageBracket(Decimal(5_000), 75), LeverageBracket(Decimal(50_000), 20))
    for files in ((stated, exchange_info()), (exchange_info(), stated)):
        assert read(*files)["BTCUSDT"].brackets == expected
    single = orjson.dumps(orjson.loads(stated)[0])
    assert read(exchange_info(), single)["BTCUSDT"].brackets == expected


def test_brackets_alone_are_no_rules_for_a_symbol() -> None:
    assert set(read(exchange_info(), brackets((1, 2), symbol="ETHUSDT"))) == {"BTCUSDT"}
    assert problems(brackets((1, 2))) == ("no symbol with filters is stated anywhere",)


def test_what_no_intent_can_name_is_left_out() -> None:
    names = ["BTCUSDT_261225", "币安人生USDT", "BT"]
    assert set(read(exchange_info(symbol_entry(), *map(symbol_entry, names)))) == {"BTCUSDT"}
    assert problems(exchange_info(*map(symbol_entry, names)))


def filters(**stated: Any) -> bytes:
    return exchange_info(symbol_entry(filters=stated))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "expected an object with symbols"),
        (b"7", "expected an object with symbols"),
        (b'{"symbols": {}}', "expected an object with symbols"),
        (b'{"code": -1003, "msg": "banned"}', "expected an object with symbols"),
        (b'{"symbols": [], "symbols": []}', "stands twice"),
        (b'{"symbols": [NaN]}', "NaN is not a number"),
        (b"[" * 100_000, "not JSON"),
        (b'{"symbols": []}', "no symbol with filters"),
        (b'{"symbols": [7]}', "entry 1 names no symbol"),
        (b'[{"pair": "BTCUSD", "brackets": []}]', "entry 1 names no symbol"),
        (exchange_info(symbol_entry(), symbol_entry()), "BTCUSDT is stated twice"),
        (exchange_info({"symbol": "BTCUSDT", "status": "TRADING"}), "BTCUSDT: filters are missing"),
        (exchange_info(symbol_entry(status=None)), "BTCUSDT: status or contractType is not text"),
        (filters(LOT_SIZE=None), "BTCUSDT: LOT_SIZE is missing"),
        (filters(PRICE_FILTER={}), "BTCUSDT: PRICE_FILTER: tickSize is no number of at least zero"),
        (filters(MIN_NOTIONAL={}), "MIN_NOTIONAL: minNotional is no number"),
        (filters(MIN_NOTIONAL={"notional": "-1"}), "MIN_NOTIONAL: notional is no number"),
        (filters(MIN_NOTIONAL={"notional": True}), "MIN_NOTIONAL: notional is no number"),
        (filters(MIN_NOTIONAL={"notional": "NaN"}), "MIN_NOTIONAL: notional is no number"),
        (filters(MIN_NOTIONAL={"notional": "1", "applyToMarket": "no"}), "applyToMarket is"),
        (filters(NOTIONAL={"minNotional": "9", "maxNotional": "8"}), "above maxNotional"),
        (filters(MARKET_LOT_SIZE={"stepSize": "1", "minQty": "2", "maxQty": "1"}), "above maxQty"),
        (filters(PERCENT_PRICE={"multiplierUp": "1"}), "PERCENT_PRICE: multiplierDown is no"),
        (filters(PERCENT_PRICE={"multiplierUp": "1", "multiplierDown": "2"}), "is above mul"),
        (filters(PERCENT_PRICE_BY_SIDE={}), "PERCENT_PRICE_BY_SIDE: bidMultiplierDown is no"),
        (brackets(), "BTCUSDT: leverage brackets: there are none"),
        (brackets(("0", 5)), "notionalCap is zero"),
        (brackets((5, 0)), "no whole number from 1 on"),
        (brackets((5, 1.5)), "no whole number from 1 on"),
        (brackets((5, 3), (5, 2)), "two have the notionalCap 5"),
        (brackets((5, 3), (9, 4)), "a larger position is granted more leverage"),
        (orjson.dumps([{"symbol": "BTCUSDT", "brackets": [7]}]), "one is not an object"),
        (exchange_info().replace(b'"900"', b"1e-99999999"), "maxQty is no number"),
        (exchange_info().replace(b'"900"', b"1" * 30), "maxQty is no number"),
        (exchange_info({"symbol": "BTCUSDT", "filters": [7]}), "a filter without a type"),
    ],
)  # fmt: skip
def test_what_does_not_read_is_refused(body: bytes, said: str) -> None:
    assert said in " | ".join(problems(body))


def test_a_filter_stated_twice_is_refused() -> None:
    entry = symbol_entry()
    twice: Any = entry["filters"]
    assert problems(exchange_info(entry | {"filters": twice + twice[:1]})) == (
        "file 1: BTCUSDT: a filter without a type, or PRICE_FILTER twice",
    )


def test_every_problem_of_every_file_is_named() -> None:
    bad_eth = symbol_entry("ETHUSDT", filters={"LOT_SIZE": None, "MIN_NOTIONAL": {"notional": "x"}})
    found = problems(exchange_info(symbol_entry(), bad_eth), b"[]", brackets(("x", 1)))
    assert found == (
        "file 1: ETHUSDT: MIN_NOTIONAL: notional is no number of at least zero: 'x'",
        "file 1: ETHUSDT: LOT_SIZE is missing",
        "file 2: expected an object with symbols, or a list of leverage brackets",
        "file 3: BTCUSDT: leverage brackets: notionalCap is no number of at least zero: 'x'",
    )


def test_what_is_too_large_is_not_read() -> None:
    assert "more than the" in problems(b" " * (MAX_FILE_BYTES + 1))[0]
