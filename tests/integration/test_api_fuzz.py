"""Whatever a program sends, the HTTP API answers as its description says: never with a fault."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from petrosa_cio.surfaces.api.app import build_api, rights
from petrosa_cio.surfaces.api.fleet_app import FLEET_PREFIX, build_fleet_api, fleet_rights
from petrosa_cio.surfaces.api.route import PREFIX
from tests.api import ApiHouse, api_house
from tests.fleet import served_fleet

pytestmark = pytest.mark.integration

EXAMPLES = 12
"""Calls of each route: enough to find what is plainly wrong, few enough for every run."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

SCHEMAS = {PREFIX: build_api().openapi(), FLEET_PREFIX: build_fleet_api().openapi()}
OPERATIONS = [
    (prefix, one.ok())
    for prefix, schema in SCHEMAS.items()
    for one in schemathesis.openapi.from_dict(schema).get_all_operations()
    if isinstance(one, Ok)
]

ENDLESS = "/stream"
"""What answers for as long as somebody listens; its own tests send it what it does not take."""


@pytest.fixture(scope="module")
async def house(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, mongo_url: str
) -> AsyncIterator[ApiHouse]:
    folder = tmp_path_factory.mktemp("fuzz")
    async with served_fleet() as fleet, api_house(folder, redis_url, mongo_url, **fleet) as house:
        yield house


def test_every_route_that_is_described_can_be_tried() -> None:
    described = [one for one in rights() + fleet_rights() if not one.path.endswith("openapi.json")]
    assert len(OPERATIONS) == len(described)


@pytest.mark.parametrize(
    ("prefix", "operation"),
    [(prefix, one) for prefix, one in OPERATIONS if one.path != ENDLESS],
    ids=lambda one: one if isinstance(one, str) else one.label,
)
async def test_a_route_answers_as_described(house: ApiHouse, prefix: str, operation: Any) -> None:
    url = f"http://127.0.0.1:{house.settings.http_port}{prefix}"

    sound = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    unsound = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

    @given(case=sound | unsound)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    def answers(case: Any) -> None:
        with requests.Session() as session:
            headers = house.headers("ada")
            response = case.call(base_url=url, headers=headers, session=session)
            case.validate_response(response, checks=CHECKS)

    def problems() -> str:
        try:
            answers()
        except BaseExceptionGroup as found:  # no loop takes such a group well
            return "\n".join(map(str, _leaves(found)))
        return ""

    assert await asyncio.to_thread(problems) == ""


def _leaves(found: BaseException) -> Iterator[BaseException]:
    for one in found.exceptions if isinstance(found, BaseExceptionGroup) else ():
        yield from _leaves(one)
    if not isinstance(found, BaseExceptionGroup):
        yield found
