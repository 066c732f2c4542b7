import getpass
import os

import pytest
import typer

from petrosa_cio.cli.options import symbol_of
from petrosa_cio.government import machine_user


def test_the_author_is_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ann")
    assert machine_user() == "ann"


@pytest.mark.parametrize("missing", [KeyError, OSError])
def test_a_user_without_a_name_can_switch_too(
    monkeypatch: pytest.MonkeyPatch, missing: type[Exception]
) -> None:
    def nameless() -> str:
        raise missing

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert machine_user() == f"uid {os.getuid()}"


def test_a_symbol_is_written_in_capitals() -> None:
    assert symbol_of("btcusdt") == "BTCUSDT"


@pytest.mark.parametrize("text", ["", "BT", "BTC-USDT", "BTC USDT", "*", "B" * 33, "ÄBC", "\udcff"])
def test_what_can_be_no_symbol_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        symbol_of(text)
