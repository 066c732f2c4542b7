"""The load: publishes intents by the clock or at once, and notes when each verdict and signal came.

A process of its own, with plain sockets and everything made beforehand, so that it is never what
limits. Started with a `Plan` as JSON on its standard input, it writes its progress to its standard
output, a JSON object a line, and what it heard to a file.

Times are of the machine's monotonic clock, in seconds. An intent's time is the moment at which it
was *due*: where the load or the server falls behind, the wait counts.
"""

import select
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

from tests.bench.intents import maker
from tests.bench.wire import Wire, publication

SIGNALS, VERDICTS = "signals.trading.*", "cio.verdict.*.*"
MAKING_S = 60e-6
"""Time allowed for making one intent beforehand."""

_TELL_EVERY_S = 0.25
_LINGER_S = 0.5
"""How long it listens on after the last answer, for what should not come."""

_ID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Plan:
    """What one load does.

    Attributes:
        url: The NATS server.
        mix: What is sent, see `tests.bench.intents.maker`.
        first: Number of the first intent.
        send: How many intents are sent.
        await_: How many answers are waited for.
        rate: Intents a second; None for as fast as they can be written.
        id_field: Field by which the answers name the intent.
        answer: Word at the start of the subjects of answers: those are counted.
        patience_s: How long nothing may arrive before the rest is given up.
        heard_file: Where what was heard is written.
    """

    url: str
    mix: str
    first: int
    send: int
    await_: int
    rate: int | None
    id_field: str
    answer: str
    patience_s: float
    heard_file: str


@dataclass(slots=True)
class Heard:
    """What a load heard.

    Attributes:
        began_at: When the first intent was due.
        sent_at: When each intent was handed to the system; of those sent together, the last.
        messages: Subject, id and time of each message, in the order of arrival.
        cpu_s: Processor time that the load itself took while it ran.
        making_cpu_s: What it took before, to make the intents.
    """

    began_at: float = 0.0
    sent_at: list[float] = field(default_factory=list)
    messages: list[tuple[str, str, float]] = field(default_factory=list)
    cpu_s: float = 0.0
    making_cpu_s: float = 0.0


class Load:
    """Sends and listens, in one thread."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._mark = f'"{plan.id_field}":"'.encode()
        self._answer = plan.answer.encode()
        self._answers = 0
        self._outbox = memoryview(b"")
        self._sent = 0
        self.heard = Heard()

    def run(self) -> Heard:
        """Do the whole of it."""
        plan, heard = self._plan, self.heard
        self._engine, self._bots = Wire(plan.url), Wire(plan.url)
        self._engine.subscribe(SIGNALS, VERDICTS)
        heard.began_at = time.monotonic() + plan.send * MAKING_S + 0.1
        self._prepared = self._prepare()
        time.sleep(max(heard.began_at - time.monotonic(), 0))
        if plan.rate is None:
            heard.began_at = time.monotonic()
        heard.making_cpu_s = time.process_time()
        self._work()
        heard.cpu_s = time.process_time() - heard.making_cpu_s
        self._bots.settle()
        return heard

    def _prepare(self) -> list[bytes]:
        plan, make = self._plan, maker(self._plan.mix)
        epoch = time.time() - time.monotonic()
        return [
            publication(*make(plan.first + number, epoch + self._due_at(number)))
            for number in range(plan.send)
        ]

    def _due_at(self, number: int) -> float:
        rate = self._plan.rate
        return self.heard.began_at + (number / rate if rate else 0.0)

    def _work(self) -> None:
        told_at = moved_at = time.monotonic()
        while True:
            before = self._answers, self._sent
            self._turn()
            now = time.monotonic()
            if before != (self._answers, self._sent):
                moved_at = now
            if now - told_at >= _TELL_EVERY_S:
                told_at = now
                self._tell()
            is_over = self._is_sent and self._answers >= self._plan.await_
            if now - moved_at > (_LINGER_S if is_over else self._plan.patience_s):
                break
        self._tell()

    @property
    def _is_sent(self) -> bool:
        return self._sent == self._plan.send and not self._outbox

    def _turn(self) -> None:
        """Wait for the next thing to do, and do it."""
        self._fill()
        wait_s = _TELL_EVERY_S
        if self._sent < self._plan.send:
            wait_s = min(max(self._due_at(self._sent) - time.monotonic(), 0), wait_s)
        readable, writable, _ = select.select(
            [self._engine, self._bots], [self._bots] if self._outbox else [], [], wait_s
        )
        if self._engine in readable:
            self._listen()
        if self._bots in readable:
            list(self._bots.receive())
        if writable:
            self._outbox = self._outbox[self._bots.send_some(self._outbox) :]

    def _fill(self) -> None:
        """Take out what is due, once what was due before is written."""
        if self._outbox or self._sent == self._plan.send:
            return
        now, first, rate = time.monotonic(), self._sent, self._plan.rate
        due = int((now - self.heard.began_at) * rate) + 1 if rate else self._plan.send
        self._sent = max(min(due, self._plan.send), first)
        self.heard.sent_at += [now] * (self._sent - first)
        self._outbox = memoryview(b"".join(self._prepared[first : self._sent]))

    def _listen(self) -> None:
        arrived = list(self._engine.receive())
        at, length = time.monotonic(), len(self._mark)
        for subject, content in arrived:
            start = content.find(self._mark) + length
            identity = content[start : start + _ID_DIGITS].decode()
            self.heard.messages.append((subject.decode(), identity, at))
            self._answers += subject.startswith(self._answer)

    def _tell(self) -> None:
        line = orjson.dumps({"sent": self._sent, "answers": self._answers})
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()


def main() -> None:
    """Run the plan on standard input."""
    plan = Plan(**orjson.loads(sys.stdin.buffer.read()))
    heard = Load(plan).run()
    Path(plan.heard_file).write_bytes(orjson.dumps(asdict(heard)))


if __name__ == "__main__":
    main()
