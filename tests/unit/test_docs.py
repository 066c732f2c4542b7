"""What is made from the code is as the code is."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["CLI.md", "CONTROLS.md", "POLICY.md", "SETTINGS.md"])
def test_a_generated_document_is_current(name: str) -> None:
    made = "\n".join(_generator().DOCUMENTS[name]()) + "\n"
    assert (DOCS / name).read_text("utf-8") == made, "run `make docs`"
