"""What is made from the code is as the code is."""

import pytest

from tests.loading import ROOT, module_of


@pytest.mark.parametrize(
    "name",
    [
        "API.md",
        "CLI.md",
        "CONTROLS.md",
        "FLEET_CONFIGURATION.md",
        "MCP.md",
        "METRICS.md",
        "POLICY.md",
        "SETTINGS.md",
    ],
)
def test_a_generated_document_is_current(name: str) -> None:
    made = "\n".join(module_of("docs/generate.py").DOCUMENTS[name]()) + "\n"
    assert (ROOT / "docs" / name).read_text("utf-8") == made, "run `make docs`"
