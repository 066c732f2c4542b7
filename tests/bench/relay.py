"""The lowest rung: a relay that passes each intent on, and looks at nothing.

What it costs to receive and publish one message in this language is the floor for every gate.
"""

import asyncio
import os

from nats.aio.msg import Msg

from petrosa_cio.adapters.nats_connection import NatsAccess, connect_nats
from petrosa_cio.adapters.nats_messages import NatsAnnouncer
from petrosa_cio.app import stopping_on_signals
from petrosa_cio.cli.root import run_async
from petrosa_cio.nurse.every import every
from petrosa_cio.settings import Settings, load_settings
from tests.bench.readiness import TELL_EVERY_S, ready


async def relay(settings: Settings, stop: asyncio.Event) -> None:
    """Pass intents on until told to stop."""
    client = await connect_nats(NatsAccess(str(settings.nats_url)), name="relay")

    async def on_intent(message: Msg) -> None:
        token = message.subject.rpartition(".")[2]
        await client.publish(settings.signal_subject.format(strategy_id=token), message.data)

    for subject in settings.intent_subjects:
        await client.subscribe(subject, cb=on_intent, pending_msgs_limit=-1, pending_bytes_limit=-1)
    announcer = NatsAnnouncer(client)
    await every(TELL_EVERY_S, lambda: announcer.announce([ready(settings)]), stop)
    await client.close()


async def main() -> None:
    """Run until SIGINT or SIGTERM, set up by the environment as a gate is."""
    async with stopping_on_signals() as stop:
        await relay(load_settings(os.environ), stop)


if __name__ == "__main__":
    run_async(main())
