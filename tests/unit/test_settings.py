from pathlib import Path

import pytest

from petrosa_cio.errors import Misconfigured, Problem
from petrosa_cio.settings import (
    Settings,
    child_environ,
    describe,
    load_settings,
    subjects_overlap,
    variable,
)


def problems_of(**environ: str) -> dict[str, Problem]:
    with pytest.raises(Misconfigured) as caught:
        load_settings(environ)
    return {problem.field: problem for problem in caught.value.problems}


def test_without_any_variable_everything_is_embedded_and_on_loopback() -> None:
    settings = load_settings({})
    assert (settings.nats_url, settings.redis_url, settings.mongo_url) == (None, None, None)
    assert settings.http_host == "127.0.0.1"
    assert settings.intent_subjects == ("intent.>", "cio.intent.>")


def test_variables_that_are_not_ours_are_ignored() -> None:
    assert load_settings({"PATH": "/bin", "NATS_URL": "x"}) == load_settings({})


def test_an_empty_variable_is_an_unset_one() -> None:
    assert load_settings({"CIO_NATS_URL": "", "CIO_HTTP_PORT": ""}) == load_settings({})


def test_the_process_environment_is_not_read_behind_the_callers_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CIO_FUND", "other")
    assert load_settings({}).fund == "main"
    assert Settings().fund == "main"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings({}).fund = "other"  # type: ignore[misc]


def test_a_misspelt_name_is_refused_with_the_name_that_was_meant() -> None:
    assert problems_of(CIO_NATS_ULR="x")["CIO_NATS_ULR"].mend == "Did you mean CIO_NATS_URL?"


def test_a_name_like_no_other_is_refused_too() -> None:
    assert "docs/SETTINGS.md" in problems_of(CIO_QQQQQQ="x")["CIO_QQQQQQ"].mend


@pytest.mark.parametrize(
    "name",
    ["CIO_SERVICE_HOST", "CIO_SERVICE_PORT_HTTP", "CIO_PORT", "CIO_PORT_8000_TCP_ADDR"],
)
def test_what_kubernetes_says_of_a_service_called_cio_is_no_misspelling(name: str) -> None:
    assert load_settings({name: "10.0.0.1"}) == load_settings({})


def test_every_problem_is_told_at_once() -> None:
    problems = problems_of(
        CIO_HTTP_PORT="99999",
        CIO_MODE="perhaps",
        CIO_FUDN="x",
        CIO_NATS_USER="me",
        CIO_ACK_WAIT_MS="1000",
    )
    assert set(problems) == {
        "CIO_HTTP_PORT", "CIO_MODE", "CIO_FUDN", "CIO_NATS_URL", "CIO_NATS_USER", "CIO_ACK_WAIT_MS",
    }  # fmt: skip


def test_a_problem_says_what_was_seen_expected_and_usual() -> None:
    problem = problems_of(CIO_HTTP_PORT="99999")["CIO_HTTP_PORT"]
    assert problem.message.endswith("was '99999'")
    assert problem.mend == (
        "Expected: port of the HTTP API; 0 takes any free one; unset, it is 8000."
    )


def test_a_password_in_a_wrong_url_is_not_told() -> None:
    assert "hunter2" not in str(problems_of(CIO_REDIS_URL="http://u:hunter2@h")["CIO_REDIS_URL"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CIO_NATS_URL", "localhost:4222"),
        ("CIO_REDIS_URL", "nats://h"),
        ("CIO_MONGO_URL", "http://h"),
        ("CIO_FUND", "a b"),
        ("CIO_FUND", "a{b}"),
        ("CIO_SIGNAL_SUBJECT", "signals.*"),
        ("CIO_SIGNAL_SUBJECT", "signals.x{strategy_id}"),
        ("CIO_SIGNAL_SUBJECT", "{strategy_id}.{strategy_id}"),
        ("CIO_SIGNAL_SUBJECT", "signals..x"),
        ("CIO_SIGNAL_SUBJECT", "signals.a b"),
        ("CIO_DOOR_SUBJECT", "door.>"),
        ("CIO_INTENT_SUBJECTS", "intent.>.x"),
        ("CIO_INTENT_SUBJECTS", "intent.a*"),
        ("CIO_INTENT_SUBJECTS", ","),
        ("CIO_WATCH_SIGNALS", "signals..x"),
        ("CIO_RECONCILE_AFTER_S", "0"),
        ("CIO_POLICY_FILE", "/no/such/file"),
        ("CIO_POLICY_MAX_AGE_S", "0"),
        ("CIO_LOG_LEVEL", "loud"),
        ("CIO_LOG_FORMAT", "xml"),
        ("CIO_OTEL_ENDPOINT", "localhost:4317"),
        ("CIO_OTEL_PROTOCOL", "udp"),
        ("CIO_TRACE_RATIO", "1.5"),
        ("CIO_PRICE_JUMP_BPS", "0"),
        ("CIO_VENUE_RULES_FILES", "README.md,/no/such/file"),
        ("CIO_VENUE_RULES_URL", "file:///etc/passwd"),
        ("CIO_VENUE_RULES_INTERVAL_S", "5"),
        ("CIO_RETENTION_DAYS", "1826"),
        ("CIO_MARKET_DATA_SUBJECT", "intent.data"),
        ("CIO_MARKET_DATA_SUBJECT", "signals.>"),
        ("CIO_MARKET_DATA_SUBJECT", "cio.verdict.approve.x"),
    ],
)
def test_a_value_out_of_bounds_is_refused(name: str, value: str) -> None:
    assert set(problems_of(**{name: value})) == {name}


@pytest.mark.parametrize(
    ("environ", "field"),
    [
        ({"CIO_NATS_TOKEN": "t"}, "CIO_NATS_URL"),
        ({"CIO_NATS_URL": "nats://h", "CIO_NATS_USER": "u"}, "CIO_NATS_USER"),
        (
            {
                "CIO_NATS_URL": "nats://h",
                "CIO_NATS_USER": "u",
                "CIO_NATS_PASSWORD": "p",
                "CIO_NATS_TOKEN": "t",
            },
            "CIO_NATS_USER",
        ),
        ({"CIO_NATS_URL": "nats://h", "CIO_NATS_TLS_KEY_FILE": __file__}, "CIO_NATS_TLS_KEY_FILE"),
        (
            {"CIO_REDIS_URL": "redis://h", "CIO_REDIS_TLS_CA_FILE": __file__},
            "CIO_REDIS_TLS_CA_FILE",
        ),
        ({"CIO_MONGO_TLS_CA_FILE": __file__}, "CIO_MONGO_TLS_CA_FILE"),
        (
            {"CIO_MONGO_URL": "mongodb://u:p@h", "CIO_MONGO_PRUNE_URL": "mongodb://u:p@h"},
            "CIO_MONGO_PRUNE_URL",
        ),
        ({"CIO_ACK_WAIT_MS": "1500"}, "CIO_ACK_WAIT_MS"),
        ({"CIO_INTENT_SUBJECTS": "signals.>"}, "CIO_INTENT_SUBJECTS"),
        ({"CIO_INTENT_SUBJECTS": "signals.trading.*"}, "CIO_INTENT_SUBJECTS"),
        ({"CIO_INTENT_SUBJECTS": "cio.>"}, "CIO_INTENT_SUBJECTS"),
        ({"CIO_INTENT_SUBJECTS": "intent.>,intent.trading"}, "CIO_INTENT_SUBJECTS"),
        ({"CIO_WATCH_SIGNALS": "cio.>"}, "CIO_WATCH_SIGNALS"),
        ({"CIO_WATCH_SIGNALS": "signals.>,signals.trading.*"}, "CIO_WATCH_SIGNALS"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(environ: dict[str, str], field: str) -> None:
    assert set(problems_of(**environ)) == {field}


def test_children_get_the_very_same_settings() -> None:
    settings = load_settings(
        {
            "CIO_NATS_URL": "nats://a:4222,nats://b:4222",
            "CIO_NATS_USER": "u",
            "CIO_NATS_PASSWORD": "p",
            "CIO_INTENT_SUBJECTS": "a.> , b.>",
            "CIO_MODE": "OBSERVE",
            "CIO_POLICY_FILE": __file__,
            "CIO_DATA_DIR": "/data/cio",
        }
    )
    assert settings.intent_subjects == ("a.>", "b.>")
    assert settings.data_dir == Path("/data/cio")
    assert load_settings(child_environ(settings)) == settings


def test_nothing_secret_is_shown() -> None:
    settings = load_settings(
        {
            "CIO_NATS_URL": "nats://u:hunter2@h",
            "CIO_REDIS_URL": "redis://:hunter/2@h/0",
            "CIO_NATS_USER": "u",
            "CIO_NATS_PASSWORD": "hunter2",
        }
    )
    shown = dict(describe(settings))
    assert shown["CIO_NATS_URL"] == "nats://********@h"
    assert shown["CIO_NATS_PASSWORD"] == "********"
    assert shown["CIO_MONGO_URL"] == "embedded"
    assert shown["CIO_REPLICA"] == "-"
    assert "hunter" not in repr(settings) + str(shown)


def test_every_setting_is_described_and_shown() -> None:
    fields = Settings.model_fields
    assert all(field.description for field in fields.values())
    assert [name for name, _ in describe(load_settings({}))] == [variable(name) for name in fields]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("a.b", "a.b", True),
        ("a.b", "a.c", False),
        ("a.*", "a.b", True),
        ("a.*", "*.b", True),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        ("a.b", "a.b.c", False),
        (">", "x", True),
    ],
)
def test_subjects_overlap_if_one_subject_matches_both(
    left: str, right: str, expected: bool
) -> None:
    assert subjects_overlap(left, right) is expected
    assert subjects_overlap(right, left) is expected


def test_files_are_given_to_a_child_as_they_were() -> None:
    environ = {"CIO_VENUE_RULES_FILES": f"{__file__}, {__file__}"}
    settings = load_settings(environ)
    assert len(settings.venue_rules_files) == 2
    assert load_settings(child_environ(settings)) == settings


def test_symbols_of_the_regime_feed_are_read_in_capitals_and_once() -> None:
    stated = load_settings({"CIO_REGIME_SYMBOLS": "btcusdt, ETHUSDT,BTCUSDT"})
    assert stated.regime_symbols == ("BTCUSDT", "ETHUSDT")
    assert len(load_settings({}).regime_symbols) == 8
    assert load_settings(child_environ(stated)) == stated


@pytest.mark.parametrize("symbols", [",", "BTC-USDT", "BT", "B" * 33, "BTCUSDT,*"])
def test_what_can_be_no_symbol_of_the_feed_is_refused(symbols: str) -> None:
    assert "CIO_REGIME_SYMBOLS" in problems_of(CIO_REGIME_SYMBOLS=symbols)


def test_the_data_manager_is_spoken_to_by_http() -> None:
    assert "CIO_DATA_MANAGER_URL" in problems_of(CIO_DATA_MANAGER_URL="nats://h:8000")
