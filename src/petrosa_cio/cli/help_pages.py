"""How ``cio --help`` is laid out: commands in panels, and text that flows to the terminal's width.

The text comes from docstrings, which are broken to lines for people who read the code.
"""

from typing import Any

import typer
from typer.core import TyperGroup

from petrosa_cio.cli.options import LOOK, RUN, SWITCH, TRY

PANELS = (RUN, TRY, LOOK, SWITCH)
"""The panels, in the order in which somebody new comes to need them."""


class HelpPages(TyperGroup):
    """The group of all commands."""

    def __init__(self, **stated: Any) -> None:
        """Take what Typer found, and let the text of every command flow."""
        super().__init__(**stated)
        _let_flow(self)

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Return the names of the commands, by panel."""
        return sorted(super().list_commands(ctx), key=self._panel_of)

    def _panel_of(self, name: str) -> int:
        panel = getattr(self.commands[name], "rich_help_panel", None)
        return PANELS.index(panel) if panel in PANELS else len(PANELS)


def _let_flow(group: TyperGroup) -> None:
    for command in group.commands.values():
        command.help = flowing(command.help or "")
        if isinstance(command, TyperGroup):
            _let_flow(command)


def flowing(text: str) -> str:
    """Return a text whose only line breaks are those between its paragraphs."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
