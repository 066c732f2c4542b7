"""Named groups of symbols: how they are read, and which of two is the stricter."""

from typing import Any

import pytest

from petrosa_cio.risk.limit_kinds import Change
from petrosa_cio.risk.limits import LIMIT_KINDS, LimitSet
from petrosa_cio.risk.policy import in_words
from petrosa_cio.risk.symbol_groups import read_symbol_groups, write_symbol_groups

KIND = LIMIT_KINDS["max_group_exposure_usd"]


def groups(**stated: tuple[str, Any]) -> Any:
    return read_symbol_groups(
        {name: {"symbols": symbols.split(), "usd": usd} for name, (symbols, usd) in stated.items()}
    )


def test_groups_are_written_as_they_are_read() -> None:
    found = groups(majors=("ETHUSDT BTCUSDT", "10.50"), alts=("SOLUSDT", 7))
    assert read_symbol_groups(write_symbol_groups(found)) == found
    limits = LimitSet(max_group_exposure_usd=found)
    assert LimitSet.model_validate(limits.model_dump(mode="json", exclude_unset=True)) == limits
    assert in_words(found) == "alts 7 (SOLUSDT), majors 10.50 (BTCUSDT ETHUSDT)"
    assert in_words(groups()) == "none"


@pytest.mark.parametrize(
    ("stated", "problem"),
    [
        ([], "expected groups by name"),
        ({"majors": {}}, "majors: a group has symbols and usd"),
        ({"majors": {"symbols": [], "usd": 1}}, "majors: symbols is a list of at least one"),
        ({"majors": {"symbols": ["btc"], "usd": 1}}, "btc is no symbol in capitals"),
        ({"a b": {"symbols": ["BTCUSDT"], "usd": 1}}, "a group is named in letters"),
        ({"majors": {"symbols": ["BTCUSDT"], "usd": -1}}, "usd is an amount from 0"),
        ({"majors": {"symbols": ["BTCUSDT"], "usd": True}}, "usd is an amount from 0"),
        ({"majors": {"symbols": ["BTCUSDT"], "usd": "NaN"}}, "usd is an amount from 0"),
        ({"majors": {"symbols": ["BTCUSDT"], "usd": "x"}}, "usd is an amount from 0"),
        ({"majors": {"symbols": ["BTCUSDT"], "usd": "1E-19"}}, "usd is an amount from 0"),
    ],
)
def test_what_is_no_group_is_refused(stated: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_symbol_groups(stated)


@pytest.mark.parametrize(
    ("new", "change"),
    [
        (groups(majors=("BTCUSDT ETHUSDT", 10)), Change.EQUAL),
        (groups(majors=("BTCUSDT ETHUSDT", 9)), Change.TIGHTER),
        (groups(majors=("BTCUSDT ETHUSDT SOLUSDT", 10)), Change.TIGHTER),
        (groups(majors=("BTCUSDT ETHUSDT", 10), alts=("SOLUSDT", 5)), Change.TIGHTER),
        (groups(majors=("BTCUSDT", 10)), Change.LOOSER),
        (groups(majors=("BTCUSDT ETHUSDT", 11)), Change.LOOSER),
        (groups(), Change.LOOSER),
        (groups(majors=("BTCUSDT", 9)), Change.MIXED),
        (groups(coins=("BTCUSDT ETHUSDT", 10)), Change.MIXED),
    ],
)
def test_more_symbols_and_less_money_are_tighter(new: object, change: Change) -> None:
    assert KIND.compare(groups(majors=("BTCUSDT ETHUSDT", 10)), new) is change


def test_of_two_statements_all_symbols_and_the_lower_amount_count() -> None:
    met = KIND.meet(groups(a=("BTCUSDT", 10), b=("SOLUSDT", 1)), groups(a=("ETHUSDT", 20)))
    assert met == groups(a=("BTCUSDT ETHUSDT", 10), b=("SOLUSDT", 1))
