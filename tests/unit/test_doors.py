"""One door per driver: only the files named here may import it."""

import pytest
from grimp import build_graph

DOORS = {
    "nats": ("petrosa_cio.adapters.nats", "petrosa_cio.client.connection"),
    "redis": "petrosa_cio.adapters.redis",
    "pymongo": "petrosa_cio.adapters.mongo",
    "bson": "petrosa_cio.adapters.mongo",
    "pydantic_ai": "petrosa_cio.adapters.language_models",
    "fastapi": "petrosa_cio.surfaces",
    "starlette": "petrosa_cio.surfaces",
    "typer": "petrosa_cio.cli",
    "pydantic_settings": "petrosa_cio.settings",
}


@pytest.mark.parametrize(("driver", "door"), DOORS.items())
def test_a_driver_is_imported_behind_its_door_only(
    driver: str, door: str | tuple[str, ...]
) -> None:
    graph = build_graph("petrosa_cio", include_external_packages=True, cache_dir=None)
    importers = (
        graph.find_modules_that_directly_import(driver) if driver in graph.modules else set()
    )
    assert {module for module in importers if not module.startswith(door)} == set()
