"""The way of a strategy to the gate."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from petrosa_cio.adapters.nats_client import RobustClient
from petrosa_cio.client.answer import Answer, OnSilence, read_answer, silent_answer
from petrosa_cio.client.faults import NoAnswer, NotConnected
from petrosa_cio.client.fills import Reports
from petrosa_cio.client.intent import Intent
from petrosa_cio.risk.parse import subject_token

log = logging.getLogger(__name__)

CONNECT_WITHIN_S: Final = 5.0

ANSWER_WITHIN_S: Final = 0.25
"""The gate answers within 200 ms unless it is set otherwise; the rest is for the way."""

LOST: Final = "the connection to NATS was lost"
OVERRUN: Final = "reports came faster than they were taken"


@dataclass(frozen=True, slots=True)
class Subjects:
    """Where the gate and the order engine are, as this deployment has them.

    Attributes:
        door: Where an intent is answered with its verdict (``CIO_DOOR_SUBJECT``).
        intents: What intents are published beneath (one of ``CIO_INTENT_SUBJECTS``).
        executions: What the engine reports beneath (``CIO_EXECUTION_SUBJECT``).
    """

    door: str = "cio.nurse.audit"
    intents: str = "intent"
    executions: str = "execution.events"


USUAL: Final = Subjects()


class Client:
    """Proposes trades and hears what becomes of them. `connect` makes one.

    It never sends an intent twice by itself.
    """

    def __init__(
        self, client: RobustClient, subjects: Subjects, on_silence: OnSilence, timeout_s: float
    ) -> None:
        """Take a connection, the subjects, and what counts where nobody answers in time."""
        self._nats = client
        self._subjects = subjects
        self._on_silence = on_silence
        self._timeout_s = timeout_s
        self._following: set[Reports] = set()

    async def ask(
        self,
        intent: Intent,
        *,
        on_silence: OnSilence | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Propose a trade and return the verdict on it.

        Where it is approved the signal is on its way to the order engine already. The same intent
        may be asked again: the gate then answers with what it decided first, and sends nothing.

        Args:
            intent: The trade.
            on_silence: What counts where nobody answers; unset, what `connect` was told.
            timeout_s: Seconds to wait for the answer, alike.

        Raises:
            NoAnswer: Nobody answered, and that was asked for.
        """
        within_s = self._timeout_s if timeout_s is None else timeout_s
        try:
            reply = await self._nats.request(
                self._subjects.door, intent.as_json(), timeout=within_s
            )
            return read_answer(intent.intent_id, reply.data)
        except nats.errors.NoRespondersError:
            why = f"no gate listens on {self._subjects.door}: is one running?"
        except (nats.errors.TimeoutError, TimeoutError):
            why = f"no answer within {within_s:g} s"
        except (nats.errors.Error, OSError) as error:
            why = f"NATS is away: {type(error).__name__} {error}".rstrip(": ")
        except ValueError as unreadable:
            why = str(unreadable)
        chosen = on_silence or self._on_silence
        if chosen is OnSilence.RAISE:
            raise NoAnswer(intent.intent_id, why)
        return silent_answer(intent.intent_id, chosen, why)

    async def submit(self, intent: Intent) -> None:
        """Propose a trade and do not wait for the verdict; the gate decides it all the same.

        It returns once the server has the message.

        Raises:
            NotConnected: It could not be sent, or whether it was is not known. Submit the same
                intent again if at all: the gate decides it once.
        """
        subject = f"{self._subjects.intents}.{intent.token}"
        try:
            await self._nats.publish(subject, intent.as_json())
            await self._nats.flush()
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise NotConnected(f"intent {intent.intent_id} is not known to be sent") from error

    @asynccontextmanager
    async def following(self, strategy_id: str) -> AsyncIterator[Reports]:
        """Follow what the order engine reports of a strategy, from here on.

        Begin before you ask, so that no report comes too early. Reports are told live: one that
        could not be heard is told by `ReportsMissed`, when you come to it.

        Args:
            strategy_id: The strategy's name.

        Raises:
            NotConnected: NATS is away.
        """
        reports = Reports()

        async def heard(message: Msg) -> None:
            reports.hear(message.data)

        subject = f"{self._subjects.executions}.{subject_token(strategy_id)}"
        if not self._nats.is_connected:
            raise NotConnected("nothing can be followed while NATS is away")
        try:
            subscription = await self._nats.subscribe(subject, cb=heard)
            await self._nats.flush()
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise NotConnected("nothing can be followed while NATS is away") from error
        self._following.add(reports)
        try:
            yield reports
        finally:
            self._following.discard(reports)
            await _unsubscribe(subscription)

    def note_missed(self, why: str) -> None:
        """Tell whoever follows that reports are missed."""
        for reports in self._following:
            reports.break_off(why)


async def _unsubscribe(subscription: Subscription) -> None:
    try:
        await subscription.unsubscribe()
    except (nats.errors.Error, OSError) as gone:
        log.debug("already gone: %s", gone)


@asynccontextmanager
async def connect(  # noqa: PLR0913 - they are what a strategy may say of its connection
    url: str,
    *,
    name: str = "strategy",
    on_silence: OnSilence = OnSilence.DENY,
    timeout_s: float = ANSWER_WITHIN_S,
    subjects: Subjects = USUAL,
    user: str | None = None,
    password: str | None = None,
    token: str | None = None,
    credentials_file: Path | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Client]:
    """Connect to the gate for as long as the block runs; a lost connection comes back by itself.

    Args:
        url: NATS, as ``nats://host:port``; several with commas.
        name: Shown in the server's list of connections.
        on_silence: What an intent counts as that nobody answers in time.
        timeout_s: Seconds to wait for an answer.
        subjects: Where the gate is, if not where it usually is.
        user: User name at NATS.
        password: Password at NATS.
        token: Token at NATS.
        credentials_file: A NATS user's JWT and seed.
        tls: How TLS is spoken.

    Raises:
        NotConnected: NATS cannot be reached.
    """
    nats_client = RobustClient()
    client = Client(nats_client, subjects, on_silence, timeout_s)

    async def on_error(error: Exception) -> None:
        if isinstance(error, nats.errors.SlowConsumerError):
            client.note_missed(OVERRUN)
        log.warning("NATS: %s", error)

    async def on_disconnect() -> None:
        client.note_missed(LOST)

    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            await nats_client.connect(
                servers=url.split(","),
                name=name,
                user=user,
                password=password,
                token=token,
                user_credentials=str(credentials_file) if credentials_file else None,
                tls=tls,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.1,  # type: ignore[arg-type]  # seconds to sleep
                pending_size=0,  # what cannot be sent now is an error now, and not sent later
                error_cb=on_error,
                disconnected_cb=on_disconnect,
            )
    except (nats.errors.Error, OSError, TimeoutError) as error:
        await nats_client.close()
        message = f"NATS does not answer at {url}: is it running, and may you sign in?"
        raise NotConnected(message) from error
    try:
        yield client
    finally:
        await nats_client.close()
