"""For strategy authors: propose a trade, read the verdict, follow the fills.

It needs NATS and nothing else of petrosa-cio: importing it loads no server.

    async with connect("nats://127.0.0.1:4222") as cio:
        answer = await cio.ask(Intent(strategy_id="mine", symbol="BTCUSDT", action=Action.BUY, ...))
        if answer.approved: ...

docs/CLIENT.md has the whole use, and ``examples/bot.py`` a bot.
"""

from petrosa_cio.client.answer import NO_ANSWER, Answer, AnswerKind, OnSilence, Reason
from petrosa_cio.client.connection import Client, Subjects, connect
from petrosa_cio.client.faults import ClientError, NoAnswer, NotConnected, ReportsMissed
from petrosa_cio.client.fills import Reports
from petrosa_cio.client.intent import Intent
from petrosa_cio.risk.execution import ExecutionEvent, ExecutionKind
from petrosa_cio.risk.intent import Action, OrderType

__all__ = [
    "NO_ANSWER",
    "Action",
    "Answer",
    "AnswerKind",
    "Client",
    "ClientError",
    "ExecutionEvent",
    "ExecutionKind",
    "Intent",
    "NoAnswer",
    "NotConnected",
    "OnSilence",
    "OrderType",
    "Reason",
    "Reports",
    "ReportsMissed",
    "Subjects",
    "connect",
]
