"""The ``cio`` command: one module a group of commands, none of which decides anything itself."""

from petrosa_cio.cli.entry import main

__all__ = ["main"]
