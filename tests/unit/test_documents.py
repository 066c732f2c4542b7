"""Policy and charter as people write them, in YAML."""

from decimal import Decimal
from pathlib import Path

import pytest

from petrosa_cio.errors import Misconfigured, PolicyRejected
from petrosa_cio.governance.documents import (
    Document,
    Read,
    check_against_charter,
    read_charter_file,
    read_policy_document,
    read_policy_file,
)
from petrosa_cio.governance.files import load_governing
from petrosa_cio.risk.policy import Charter, Policy, PolicyDocument, canonical_json


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "policy.yaml"


def whole(found: Read[Document]) -> Document:
    if found.problems:
        raise PolicyRejected(found.problems)
    return found.document


def load_policy(file: Path) -> Policy:
    return whole(read_policy_file(file)).policy


def load_charter(file: Path) -> Charter:
    return whole(read_charter_file(file))


def problems(file: Path, text: str) -> tuple[str, ...]:
    file.write_text(text)
    with pytest.raises(PolicyRejected) as rejected:
        load_policy(file)
    return rejected.value.problems


def test_a_policy_is_read(file: Path) -> None:
    file.write_text("name: mine\nfund: {min_confidence: 0.6}\nsymbols: {BTCUSDT: {}}\n")
    policy = load_policy(file)
    assert policy.name == "mine"
    assert policy.fund.min_confidence == Decimal("0.6")


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n"])
def test_an_empty_file_states_nothing(file: Path, text: str) -> None:
    file.write_text(text)
    assert load_policy(file) == Policy()


@pytest.mark.parametrize("text", ["[]", "0", "false", "''", "just words", "- a\n- b"])
def test_what_is_no_mapping_is_refused(file: Path, text: str) -> None:
    assert problems(file, text)[0].startswith("expected a mapping")


@pytest.mark.parametrize(
    ("written", "exact"),
    [
        ("0.1", "0.1"),
        ("0.100000000000000001", "0.100000000000000001"),
        ("1000.00", "1000.00"),
        ("1000", "1000"),
        ("1e3", "1e3"),
        ("'0.3'", "0.3"),
    ],
)
def test_numbers_are_kept_as_they_are_written(file: Path, written: str, exact: str) -> None:
    file.write_text(f"fund: {{max_order_notional_usd: {written}}}")
    found = load_policy(file).fund.max_order_notional_usd
    assert found is not None
    assert found == Decimal(exact)


@pytest.mark.parametrize("number", [".nan", ".inf", "-.inf", "-1", "1.2.3", "yes", "2026-01-01"])
def test_what_is_no_sensible_number_is_refused(file: Path, number: str) -> None:
    (problem,) = problems(file, f"fund: {{max_order_notional_usd: {number}}}")
    assert problem.startswith("fund.max_order_notional_usd: ")


@pytest.mark.parametrize(
    "text",
    [
        "name: a\nname: b\n",
        "fund: {min_confidence: 0.6, min_confidence: 0.1}",
        "fund:\n  min_confidence: 0.6\nsymbols: {}\nfund: {}\n",
        "symbols:\n  BTCUSDT: {}\n  BTCUSDT: {}\n",
    ],
)
def test_a_key_that_stands_twice_is_refused(file: Path, text: str) -> None:
    (problem,) = problems(file, text)
    assert "stated twice: " in problem
    assert "line" in problem


@pytest.mark.parametrize(
    "text",
    [
        "fund: {",
        "fund: !!python/object:os.system {}",
        "? [a, b]\n: c",
        "? {a: b}\n: c",
        "&a [*a]",
        "base: &b {name: x}\n<<: *b\n",
        "at: 2026-13-45",
        "\x00",
        "[" * 2_000,
    ],
)
def test_what_is_no_plain_yaml_is_refused(file: Path, text: str) -> None:
    assert problems(file, text)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\xff")
    for name in ("missing.yaml", "binary.yaml", "."):
        with pytest.raises(PolicyRejected, match="cannot be read"):
            load_policy(tmp_path / name)


def test_every_problem_is_named_at_once(file: Path) -> None:
    found = problems(
        file,
        """
        fund: {max_order_notional_usdt: 1, min_confidence: 2}
        symbol: {}
        symbols: {btcusdt: {}}
        strategies: {"*": {max_intents_per_second: 1.5}}
        schema_version: 2
        """,
    )
    text = "\n".join(found)
    for name in (
        "fund.max_order_notional_usdt: Extra inputs are not permitted",
        "fund.min_confidence: ",
        "symbol: Extra inputs are not permitted",
        "symbols.btcusdt",
        "strategies.*.max_intents_per_second: ",
        "schema_version: ",
    ):
        assert name in text
    assert len(found) == 6


def test_what_makes_sense_is_read_where_the_rest_does_not(file: Path) -> None:
    file.write_text(
        """
        fund: {max_order_notional_usdt: 1, min_confidence: 0.7, size_scale: 1}
        symbols: {btcusdt: {}, BTCUSDT: {max_position_usd: 5, max_order_quantity: -1}}
        regimes: {wild: {size_scale: 0.5, regime_directions: [up]}}
        strategies: 7
        """
    )
    found = read_policy_file(file)
    assert len(found.problems) == 6
    assert found.document.policy == Policy.model_validate(
        {
            "fund": {"min_confidence": "0.7"},
            "symbols": {"BTCUSDT": {"max_position_usd": 5}},
            "regimes": {"wild": {"size_scale": "0.5"}},
        }
    )


def test_a_charter_is_read_as_far_as_it_makes_sense(tmp_path: Path) -> None:
    text = "bounds: {size_scale: 1, min_confidence: 0.5}\nrequired_limits: [max_luck, size_scale]\n"
    found = read_charter_file(charter(tmp_path, text))
    (problem,) = found.problems
    assert "names no limit: max_luck; bounds may not state size_scale" in problem
    assert found.document.bounds.min_confidence == Decimal("0.5")
    assert found.document.required_limits == {"size_scale"}


@pytest.mark.parametrize(
    "text",
    [
        "policy: {fund: {nonsense: 1}}\noverlays: [{overlay_id: x}]\n",
        "policy: 7\noverlays: 7\n",
        "policy: {}\noverlays: [7, {fund: {size_scale: 1}}]\nmore: 1\n",
        "{fund: null, symbols: {1: {}}, strategies: {a: [1]}, strategy_symbols: {a: {b: c}}}",
    ],
)
def test_whatever_is_wrong_reading_comes_to_an_end(file: Path, text: str) -> None:
    file.write_text(text)
    found = read_policy_file(file)
    assert found.problems
    assert found.document == PolicyDocument(policy=Policy())


def test_a_limit_in_the_wrong_place_is_refused(file: Path) -> None:
    (problem,) = problems(file, "fund: {size_scale: 0.5}")
    assert "fund.size_scale is only valid under regimes" in problem


# --- the charter ----------------------------------------------------------------------------------

CHARTER = """
bounds: {max_order_notional_usd: 1000, min_confidence: 0.5, stop_loss_required: true}
required_limits: [max_gross_exposure_usd]
"""


def charter(tmp_path: Path, text: str = CHARTER) -> Path:
    file = tmp_path / "charter.yaml"
    file.write_text(text)
    return file


def test_a_policy_may_not_be_looser_than_the_charter(tmp_path: Path, file: Path) -> None:
    file.write_text(
        """
        fund: {max_order_notional_usd: 1000.01, min_confidence: 0.5}
        symbols: {BTCUSDT: {min_confidence: 0.49}, "*": {max_order_notional_usd: 1000}}
        strategies: {a: {stop_loss_required: false}}
        """
    )
    with pytest.raises(PolicyRejected) as rejected:
        check_against_charter(load_policy(file), load_charter(charter(tmp_path)))
    assert sorted(one.split(" is ")[0] for one in rejected.value.problems) == [
        "fund.max_order_notional_usd",
        "strategies.a.stop_loss_required",
        "symbols.BTCUSDT.min_confidence",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "required_limits: [max_gross_exposure]",
        "bounds: {size_scale: 0.5}",
        "bounds: {min_confidenc: 0.5}",
        "limits: {}",
    ],
)
def test_a_charter_that_says_nothing_sensible_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(PolicyRejected):
        load_charter(charter(tmp_path, text))


def test_the_problems_of_both_files_are_named_together(tmp_path: Path, file: Path) -> None:
    file.write_text("fund: {nonsense: 1}")
    with pytest.raises(Misconfigured) as wrong:
        load_governing(file, charter(tmp_path, "nonsense: 1"))
    assert [one.field for one in wrong.value.problems] == ["CIO_CHARTER_FILE", "CIO_POLICY_FILE"]


def test_a_first_policy_that_crosses_the_charter_does_not_start(tmp_path: Path, file: Path) -> None:
    file.write_text("fund: {min_confidence: 0.1}")
    with pytest.raises(Misconfigured) as wrong:
        load_governing(file, charter(tmp_path))
    (problem,) = wrong.value.problems
    assert problem.field == "CIO_POLICY_FILE"
    assert "looser than the charter" in problem.message


# --- as stored ------------------------------------------------------------------------------------


def test_a_document_reads_back_as_it_was_stored(file: Path) -> None:
    file.write_text("fund: {min_confidence: 0.60, allowed_order_types: [market, limit]}")
    document = PolicyDocument(policy=load_policy(file))
    assert read_policy_document(canonical_json(document)) == document


@pytest.mark.parametrize("stored", [b"", b"{", b"\xff", b"[]", b"null", b"{}", b'{"policy": 7}'])
def test_a_stored_document_that_does_not_read_is_refused(stored: bytes) -> None:
    with pytest.raises(PolicyRejected):
        read_policy_document(stored)
