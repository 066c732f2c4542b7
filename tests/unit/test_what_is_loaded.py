"""A gate that is started again is back without delay: it loads what it needs, and no more."""

import subprocess
import sys

LOADED = """
import sys
from petrosa_cio.cli import main
sys.argv = ["cio", *sys.argv[1:]]
try:
    main()
except SystemExit:
    print("loaded:", *sys.modules)
"""


def loaded_by(*arguments: str) -> set[str]:
    """Return the modules that a command has loaded when it ends."""
    command = [sys.executable, "-c", LOADED, *arguments]
    said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return set(said.rpartition("loaded:")[2].split())


def test_a_gate_loads_no_other_command_and_no_http() -> None:
    loaded = loaded_by("run", "--help")
    assert "petrosa_cio.app" in loaded
    assert not loaded & {"petrosa_cio.cli.report", "petrosa_cio.offices", "fastapi", "mcp"}


def test_every_other_way_of_asking_finds_all_commands() -> None:
    assert {"petrosa_cio.cli.report", "petrosa_cio.cli.run"} <= loaded_by("--help")
