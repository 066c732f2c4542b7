"""What documents, workflows and hooks mention exists: files, headings, targets, commands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import typer
import yaml

from petrosa_cio.cli.root import app
from tests.loading import ROOT

MADE = {".venv", ".git", ".cio", "dist", "build"}
DOCUMENTS = sorted(
    file for file in ROOT.rglob("*.md") if MADE.isdisjoint(file.relative_to(ROOT).parts)
)
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`]+)`")
_TARGET = re.compile(r"^([a-z-]+):(?: |$)", re.MULTILINE)
_MAKE = re.compile(r"^make((?: [a-z][a-z-]*)+)")
_PINNED = re.compile(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


def code_of(text: str) -> Iterator[str]:
    """Yield every piece of code in a document: the lines of its blocks, and what stands in a line.

    What begins with the folder of the virtual environment is yielded without it.
    """
    blocks = [block.group() for block in _FENCE.finditer(text)]
    lines = [line for block in blocks for line in block.splitlines()[1:-1]]
    prose = " ".join(_FENCE.sub("", text).split())
    for piece in (*lines, *_INLINE.findall(prose)):
        yield piece.strip().removeprefix(".venv/bin/")


def headings(file: Path) -> set[str]:
    """Return the anchors of a document, as GitHub makes them."""
    found = re.findall(r"^#+ (.*)$", _FENCE.sub("", file.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in found}


def targets() -> set[str]:
    return set(_TARGET.findall((ROOT / "Makefile").read_text("utf-8")))


def command_named(words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that words lead to, and the words that are left over for it."""
    command: Any = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        if words[0].startswith("-"):
            break
        assert words[0] in command.commands, f"there is no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    return command, words


def options_of(command: Any) -> set[str]:
    with click.Context(command) as context:
        parameters = command.get_params(context)
    return {name for one in parameters for name in (*one.opts, *one.secondary_opts)}


def makes_in(pieces: Iterator[str]) -> set[str]:
    matches = (_MAKE.match(piece) for piece in pieces)
    return {target for match in matches if match for target in match.group(1).split()}


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in _LINK.findall(_FENCE.sub("", document.read_text("utf-8"))):
        if link.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), link
        assert not anchor or anchor in headings(file), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_target_that_is_named_can_be_made(document: Path) -> None:
    assert makes_in(code_of(document.read_text("utf-8"))) <= targets()


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_command_that_is_named_can_be_given(document: Path) -> None:
    for piece in code_of(document.read_text("utf-8")):
        if not piece.startswith("cio "):
            continue
        words = shlex.split(piece, comments=True)[1:]
        command, rest = command_named(words)
        stated = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert stated <= options_of(command), piece


def test_the_documents_do_name_commands_and_targets() -> None:
    pieces = [piece for file in DOCUMENTS for piece in code_of(file.read_text("utf-8"))]
    assert {"run", "test", "setup"} <= makes_in(iter(pieces))
    assert sum(piece.startswith("cio ") for piece in pieces) > 5


# --- workflows and hooks --------------------------------------------------------------------------


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=named)
def test_a_workflow_runs_what_people_run(workflow: Path) -> None:
    text = workflow.read_text("utf-8")
    jobs = yaml.safe_load(text)["jobs"].values()
    commands = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    made = makes_in(iter(commands))
    assert made
    assert made <= targets()
    assert all(job["timeout-minutes"] <= 30 for job in jobs)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=named)
def test_a_workflow_may_only_read_and_uses_what_cannot_change(workflow: Path) -> None:
    text = workflow.read_text("utf-8")
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    uses = [line.strip(" -") for line in text.splitlines() if "uses:" in line]
    assert uses
    assert [line for line in uses if not _PINNED.fullmatch(line)] == []


def test_hooks_call_tools_that_are_locked_here() -> None:
    locked = (ROOT / "requirements-dev.txt").read_text("utf-8")
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    assert [one["repo"] for one in hooks] == ["local"]
    for hook in hooks[0]["hooks"]:
        tool = hook["entry"].split()[0].removeprefix(".venv/bin/")
        package = {"lint-imports": "import-linter", "detect-secrets-hook": "detect-secrets"}
        assert f"\n{package.get(tool, tool)}==" in locked
        assert hook["language"] == "system"
