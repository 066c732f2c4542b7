"""What `cio regime` makes of what a person types, and how it shows what counts."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import typer

from petrosa_cio.cli.regime import length_of, meant_name
from petrosa_cio.governance.desk import Desk
from petrosa_cio.office.regimes import regime_lines
from petrosa_cio.risk.policy import Policy, PolicyDocument, canonical_json
from petrosa_cio.risk.snapshot import Regime
from tests.deciding import NOW, ago
from tests.gates import House
from tests.policies import put_next


@pytest.mark.parametrize(
    ("text", "hours"),
    [("1m", 1 / 60), ("90m", 1.5), ("2h", 2), (" 2H ", 2), ("7d", 168), ("168h", 168)],
)
def test_a_length_of_time_is_read(text: str, hours: float) -> None:
    assert length_of(text) == timedelta(hours=hours)


@pytest.mark.parametrize(
    "text", ["", "0m", "30s", "2", "h", "-1h", "1.5h", "1h30m", "8d", "169h", "10081m", "9999999m"]
)
def test_a_length_that_is_none_or_too_long_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="up to 7d"):
        length_of(text)


async def test_a_name_is_the_policys_own_or_by_the_table_or_refused() -> None:
    house = House()
    desk = Desk(house.states, None, None, fund="main", clock=house.now)
    assert await meant_name("calm", desk) == "consolidation"
    with pytest.raises(typer.BadParameter, match="turbulent_illiquidity"):
        await meant_name("odd", desk)
    policy = Policy.model_validate({"regimes": {"calm": {}, "odd": {}, "*": {}}})
    await put_next(house.states, canonical_json(PolicyDocument(policy=policy)))
    assert await meant_name("calm", desk) == "calm"
    assert await meant_name("odd", desk) == "odd"
    assert await meant_name("Crash", desk) == "turbulent_illiquidity"
    for wrong in ("*", "odder"):
        with pytest.raises(typer.BadParameter):
            await meant_name(wrong, desk)


def said(name: str, left_s: int) -> Regime:
    return Regime(name, Decimal(1), ago(60), "ann", ago(-left_s), "drill")


def seen(name: str, s_ago: int) -> Regime:
    return Regime(name, Decimal("0.9"), ago(s_ago), "data-manager")


def shown(overrides: dict[str, Regime], observed: dict[str, Regime]) -> dict[str, Any]:
    return {str(line["symbol"]): line for line in regime_lines(overrides, observed, NOW)}


def test_what_counts_is_shown_with_what_the_feed_says_beneath() -> None:
    overrides = {"BTCUSDT": said("wild", 60), "ETHUSDT": said("odd", 0), "SOLUSDT": said("odd", 0)}
    lines = shown(overrides, {"BTCUSDT": seen("calm", 5), "ETHUSDT": seen("calm", 7)})
    assert list(lines) == ["BTCUSDT", "ETHUSDT"]
    assert lines["BTCUSDT"] == {
        "symbol": "BTCUSDT",
        "regime": "wild",
        "confidence": "1",
        "stated_for": "BTCUSDT",
        "source": "ann",
        "reason": "drill",
        "age_s": 60,
        "until": ago(-60).isoformat(),
        "observed": "calm",
        "observed_age_s": 5,
    }
    assert (lines["ETHUSDT"]["regime"], lines["ETHUSDT"]["until"]) == ("calm", None)


def test_one_of_all_symbols_is_shown_where_it_counts() -> None:
    lines = shown({"*": said("wild", 60)}, {"BTCUSDT": seen("calm", 5)})
    assert [(one, line["regime"], line["stated_for"]) for one, line in lines.items()] == [
        ("*", "wild", "*"),
        ("BTCUSDT", "wild", "*"),
    ]
    assert (lines["*"]["observed"], lines["BTCUSDT"]["observed"]) == (None, "calm")
