"""What everyone begins with: the starter policy and charter, and the first example."""

from pathlib import Path

import pytest
import yaml

from petrosa_cio.fleet.recordings import read_recording
from petrosa_cio.governance.documents import check_against_charter
from petrosa_cio.governance.files import load_governing
from petrosa_cio.governance.starter import starter_file
from petrosa_cio.risk.limits import LIMIT_KINDS
from petrosa_cio.risk.policy import canonical_json
from tests.gates import House

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def house() -> House:
    """Return a house under the starter policy."""
    house = await House().open()
    await house.states.activate(canonical_json_of_starter(), parent=1, tightens=True)
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


def test_the_starter_files_are_explained() -> None:
    for name in ("policy.yaml", "charter.yaml"):
        text = starter_file(name).read_text()
        assert text.count("#") > 5 or name == "charter.yaml"
        assert yaml.safe_load(text)["name"] == "starter"


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
