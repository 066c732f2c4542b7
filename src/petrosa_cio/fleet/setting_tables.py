"""The tables of what is known of the neighbours' settings, read from the files beside this module.

The order engine acts on no parameter that its API takes. realtime-strategies builds its strategies
with their defaults and never looks at what is stored. Of ta-bot only the application settings are
read; they say which strategies and symbols it runs.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from petrosa_cio.fleet.setting_facts import Direction, Kind, Reach, SettingFacts

Table = Mapping[str, Mapping[str, SettingFacts]]
"""What is known of settings, by what has them and by name."""

_DIRECTIONS: Final = {
    "up": Direction.HIGHER_RISKS_MORE,
    "down": Direction.LOWER_RISKS_MORE,
    "more": Direction.MORE_RISKS_MORE,
    "any": Direction.ANY_RISKS_MORE,
}


@cache
def engine_table() -> Table:
    """Return the settings of the order engine, all under ``trading``."""
    return _table("engine_settings.yaml")


@cache
def realtime_table() -> Table:
    """Return the settings of the strategies of realtime-strategies."""
    return _table("realtime_settings.yaml")


@cache
def ta_table() -> Table:
    """Return the settings of ta-bot: ``application``, and of strategies as far as there are any."""
    return _table("ta_settings.yaml")


def _table(name: str) -> Table:
    text = (files("petrosa_cio.fleet") / name).read_text("utf-8")
    return {
        owner: {setting: _facts(stated) for setting, stated in settings.items()}
        for owner, settings in yaml.safe_load(text).items()
    }


def _facts(stated: Mapping[str, Any]) -> SettingFacts:
    default = stated.get("default")
    kind = Kind[stated["kind"].upper()]
    least, most = (
        None if one is None else Decimal(one) for one in stated.get("bounds", (None, None))
    )
    if default is not None and kind in (Kind.INTEGER, Kind.NUMBER):
        default = int(default) if kind is Kind.INTEGER else Decimal(default)
    return SettingFacts(
        kind,
        stated.get("unit", ""),
        _DIRECTIONS[stated["risks"]],
        Reach[stated.get("reach", "unread").upper()],
        stated["for"],
        default,
        least,
        most,
        tuple(stated.get("among", ())),
        stated.get("instead", ""),
    )


TA_STRATEGIES: Final = frozenset(
    {
        "band_fade_reversal", "bear_trap_buy", "bear_trap_sell", "bollinger_breakout_signals",
        "bollinger_squeeze_alert", "divergence_trap", "doji_reversal", "ema_alignment_bearish",
        "ema_alignment_bullish", "ema_momentum_reversal", "ema_pullback_continuation",
        "ema_slope_reversal_sell", "fox_trap_reversal", "golden_trend_sync",
        "hammer_reversal_pattern", "ichimoku_cloud_momentum", "inside_bar_breakout",
        "inside_bar_sell", "liquidity_grab_reversal", "mean_reversion_scalper",
        "minervini_trend_template", "momentum_pulse", "multi_timeframe_trend_continuation",
        "order_flow_imbalance", "range_break_pop", "rsi_extreme_reversal",
        "shooting_star_reversal", "volume_surge_breakout",
    }
)  # fmt: skip
"""The strategies of ta-bot, by the name in their URLs and signals."""
