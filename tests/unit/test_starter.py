"""What everyone begins with: the starter policy and charter, and the first example."""

import re
from pathlib import Path

import pytest
import yaml

from petrosa_cio.fleet.recordings import read_recording
from petrosa_cio.governance.documents import check_against_charter
from petrosa_cio.governance.files import load_governing
from petrosa_cio.governance.starter import starter_file
from petrosa_cio.risk.limits import LIMIT_KINDS
from petrosa_cio.risk.policy import Charter, Policy, canonical_json
from tests.gates import House
from tests.policies import put_next

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def house() -> House:
    """Return a house under the starter policy."""
    house = await House().open()
    await put_next(house.states, canonical_json_of_starter())
    await house.feeds.refresh()
    return house


def canonical_json_of_starter() -> bytes:
    policy = load_governing(None, None).first_policy
    return b'{"policy":' + canonical_json(policy) + b"}"


def test_the_starter_policy_keeps_to_the_starter_charter() -> None:
    governing = load_governing(None, None)
    assert governing.charter.name == governing.first_policy.name == "starter"
    check_against_charter(governing.first_policy, governing.charter)


def test_the_starter_policy_sets_every_limit_that_the_charter_requires() -> None:
    governing = load_governing(None, None)
    stated = {
        field
        for _, path, limits in governing.first_policy.entries()
        if path == "fund" or path.endswith(".*")
        for field in limits.model_fields_set
    }
    assert governing.charter.required_limits <= stated | governing.charter.bounds.model_fields_set
    assert governing.charter.required_limits <= LIMIT_KINDS.keys()


_FIELD = re.compile(r"^ *(?:- |# )? *([a-z_]+):", re.MULTILINE)
_BARE_START = (
    "regime_required", "portfolio_required", "venue_rules_required", "reference_price_required",
    "collar_bps",
)  # fmt: skip


def named_in(file: str) -> set[str]:
    """Return every field that a starter file states, or keeps behind a mark."""
    return set(_FIELD.findall(starter_file(file).read_text("utf-8")))


def test_every_field_of_the_models_stands_in_the_starter_files() -> None:
    assert named_in("policy.yaml") >= {*LIMIT_KINDS, *Policy.model_fields}
    anywhere = {name for name, kind in LIMIT_KINDS.items() if not kind.families}
    assert named_in("charter.yaml") >= {*anywhere, *Charter.model_fields}


@pytest.mark.parametrize("file", ["policy.yaml", "charter.yaml"])
def test_every_field_of_the_starter_files_is_explained(file: str) -> None:
    said = ""
    for line in starter_file(file).read_text("utf-8").splitlines():
        stated = _FIELD.match(line)
        if not line.strip():
            said = ""
        elif stated and not re.match(r" *# [A-Z]", line):
            assert said, line
        else:
            said += line


@pytest.mark.parametrize("file", ["policy.yaml", "charter.yaml"])
def test_what_is_behind_a_mark_may_be_stated(file: str) -> None:
    """Each field that is off is a valid statement once its mark is taken away."""
    text = starter_file(file).read_text("utf-8")
    model: type[Policy] | type[Charter] = Policy if file == "policy.yaml" else Charter
    for line in re.findall(r"^  # ([a-z_]+: .*)$", text, re.MULTILINE):
        ((name, value),) = yaml.safe_load(line).items()
        if name in LIMIT_KINDS:
            plain = {name: str(value) if isinstance(value, float) else value}
            model.model_validate({"fund" if model is Policy else "bounds": plain})


def test_the_starter_files_ask_for_no_feed() -> None:
    governing = load_governing(None, None)
    for limits in (governing.first_policy.fund, governing.charter.bounds):
        assert not any(getattr(limits, name) for name in _BARE_START)


def test_nothing_is_to_be_said_about_the_starter_policy() -> None:
    assert load_governing(None, None).remarks == ()


async def test_the_first_example_is_approved(house: House) -> None:
    (example,) = read_recording((ROOT / "examples" / "first-intent.json").read_bytes())
    await house.gate().process([house.arrive_bytes(example.body(at=house.now()))])
    assert house.kinds() == [("verdict", "approve")], house.codes()
    (signal,) = house.signals.sent
    assert signal.subject == "signals.trading.momentum_v1"


async def test_it_is_not_approved_twice(house: House) -> None:
    (example,) = read_recording((ROOT / "examples" / "first-intent.json").read_bytes())
    body = example.body(at=house.now())
    await house.gate().process([house.arrive_bytes(body), house.arrive_bytes(body)])
    assert house.codes() == ["INTENT_REPEATED"]
    assert len(house.signals.sent) == 1
