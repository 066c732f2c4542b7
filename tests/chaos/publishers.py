"""Publishers that are told by the intake what it has, and publish again where it does not say."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from petrosa_cio.adapters.nats_client import Outgoing, RobustClient
from petrosa_cio.demo.intents import Cue
from tests.chaos.intents import stated_id
from tests.chaos.storing import until_stored

AT_ONCE = 16
"""Messages of one publisher that wait for their answer at the same time."""


class Publisher:
    """One bot with a connection of its own.

    Attributes:
        off_s: How far its clock is off, in seconds; negative for one that is behind.
        acknowledged: The sequence that the intake gave each message, and what that is called.
        doubted: Messages that were published again, as no answer had come.
    """

    def __init__(self, client: RobustClient, cues: Iterator[Cue], tell: Callable[[], None]) -> None:
        """Take a connection, what to publish, and whom to tell of each answer."""
        self._client = client
        self._cues = cues
        self._tell = tell
        self.off_s = 0
        self.acknowledged: list[tuple[int, str]] = []
        self.doubted = 0

    async def run(self, may_go: asyncio.Event) -> None:
        """Publish everything, and return when the intake has all of it."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(self._publish_in_turn(may_go))

    async def _publish_in_turn(self, may_go: asyncio.Event) -> None:
        for cue in self._cues:
            await may_go.wait()
            body = cue.body(datetime.now(UTC) + timedelta(seconds=self.off_s))
            sequence, in_vain = await until_stored(self._client, Outgoing(cue.subject, body))
            self.doubted += in_vain
            self.acknowledged.append((sequence, stated_id(cue)))
            self._tell()
