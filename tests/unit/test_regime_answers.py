"""How an answer of the data-manager is read: strictly, and never by guessing."""

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.fleet.regime_answers import (
    MAX_BODY_BYTES,
    NoRegime,
    ObservedRegime,
    Trouble,
    parse_regime,
)
from tests.data_manager import regime_answer

KEYS = ("pair", "metric", "data", "metadata", "regime", "confidence", "timestamp")
THREE = datetime(2026, 11, 23, 3, tzinfo=UTC)


def answer(**changes: Any) -> bytes:
    return orjson.dumps(regime_answer("BTCUSDT", at=THREE) | changes)


def data(**changes: Any) -> bytes:
    whole = regime_answer("BTCUSDT", at=THREE)
    return orjson.dumps(whole | {"data": whole["data"] | changes})


def at(timestamp: Any) -> bytes:
    return answer(metadata={"timestamp": timestamp})


def test_an_answer_is_read() -> None:
    found = parse_regime(answer(), "BTCUSDT")
    assert found == ObservedRegime("breakout_phase", Decimal("0.9"), THREE)


def test_null_says_that_nothing_is_known_whatever_its_time() -> None:
    assert parse_regime(answer(data=None), "BTCUSDT") == NoRegime(Trouble.EMPTY)


@pytest.mark.parametrize(
    ("stated", "read"),
    [
        ("2026-11-23T03:00:00Z", THREE),
        ("2026-11-23T03:00:00", THREE),
        ("2026-11-23T05:00:00+02:00", THREE),
        ("2026-11-23T03:00:00.000001+00:00", THREE.replace(microsecond=1)),
    ],
)
def test_the_time_of_the_row_is_read(stated: str, read: datetime) -> None:
    found = parse_regime(at(stated), "BTCUSDT")
    assert isinstance(found, ObservedRegime)
    assert found.observed_at == read


def test_a_name_is_passed_on_as_it_is_spelt() -> None:
    found = parse_regime(data(regime="unknown"), "BTCUSDT")
    assert isinstance(found, ObservedRegime)
    assert found.name == "unknown"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b"<html>bad gateway</html>",
        answer()[:-1],
        b"x" * (MAX_BODY_BYTES + 1),
        b'{"pair": "BTCUSDT", "metric": "regime"}',
        answer(pair="ETHUSDT"),
        answer(pair=None),
        answer(metric="trend"),
        answer(data=[]),
        answer(data="breakout_phase"),
        answer(data={}),
        answer(metadata=None),
        answer(metadata={}),
        data(regime=None),
        data(regime=""),
        data(regime=7),
        data(regime="x" * 65),
        data(regime="calm\n"),
        data(confidence="NaN"),
        data(confidence="Infinity"),
        data(confidence="-0.1"),
        data(confidence="1.000001"),
        data(confidence="sure"),
        data(confidence=None),
        data(confidence=0.9),
        data().replace(b'"0.9"', b"NaN"),
        at("yesterday"),
        at(""),
        at(None),
        at(1763866800),
        at("0001-01-01T00:00:00+14:00"),
    ],
)
def test_what_is_no_answer_is_malformed(body: bytes) -> None:
    found = parse_regime(body, "BTCUSDT")
    assert isinstance(found, NoRegime)
    assert (found.trouble, bool(found.detail)) == (Trouble.MALFORMED, True)


@given(st.binary() | st.recursive(
    st.none() | st.booleans() | st.text() | st.integers(-(2**53), 2**53),
    lambda inner: st.dictionaries(
        st.sampled_from(KEYS),
        inner | st.sampled_from(["BTCUSDT", "regime", "0.9", "2026-11-23T03:00:00"]),
    ),
    max_leaves=12,
).map(orjson.dumps))  # fmt: skip
def test_whatever_the_bytes_nothing_is_raised(body: bytes) -> None:
    assert isinstance(parse_regime(body, "BTCUSDT"), ObservedRegime | NoRegime)


def test_a_gate_never_loads_the_client_of_a_neighbour() -> None:
    loaded = "import sys, petrosa_cio.cli.main; print('httpx2' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", loaded], capture_output=True, check=True)
    assert found.stdout == b"False\n"
