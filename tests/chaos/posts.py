"""Processes that are followed by another when they fall, as a supervisor does."""

import asyncio

from petrosa_cio.adapters.children import ended
from tests.integration.gate_house import GateHouse, Replica

PAUSE_S = 0.2
"""How long a supervisor waits before it starts one again that fell by itself."""


class Post:
    """A place at which one process runs at a time.

    Attributes:
        fallen: Exit codes of those that ended by themselves.
    """

    def __init__(self, house: GateHouse, name: str, *module: str) -> None:
        """Take the house, what the post is called, and a module with its arguments."""
        self._house = house
        self._name = name
        self._module = module
        self._holder: Replica | None = None
        self._is_killed = False
        self._filled = 0
        self.fallen: list[int] = []

    def fill(self) -> Replica:
        """Start a process, under a name that no other one had."""
        self._filled += 1
        self._is_killed = False
        name = f"{self._name}-{self._filled}"
        self._holder = self._house.launch_module(name, *self._module)
        return self._holder

    async def keep(self, holder: Replica) -> None:
        """Start one again whenever one has ended, for ever."""
        while True:
            code = await ended(holder.process)
            if not self._is_killed:
                self.fallen.append(code)
                await asyncio.sleep(PAUSE_S)
            holder = self.fill()

    def kill(self) -> None:
        """End the process in the middle of whatever it does."""
        if self._holder is not None:
            self._is_killed = True
            self._holder.kill()
