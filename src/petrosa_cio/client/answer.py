"""What a strategy is told of its intent."""

import re
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct

NO_ANSWER: Final = "NO_ANSWER"
"""Code of the one reason that the client itself gives: nobody answered."""


class AnswerKind(StrEnum):
    """How an intent was answered."""

    APPROVE = "approve"
    REDUCE = "reduce"
    DENY = "deny"
    RETRY_SAFE = "RETRY_SAFE"


class OnSilence(StrEnum):
    """What an intent counts as that nobody answered in time.

    None of them counts it as approved. What the gate did with it is not known, so that only the
    same intent, with the same id, may be asked again.
    """

    DENY = "deny"
    RETRY_SAFE = "retry_safe"
    RAISE = "raise"


class Reason(Struct, frozen=True):
    """One reason.

    Attributes:
        code: The reason code, such as ``NOTIONAL_ABOVE_MAX``; empty where the text has none.
        text: All of it, as the gate said it.
        limit: The limit, as exact text.
        observed: What was found.
        scope: What the limit is about, such as ``position:BTCUSDT:long``.
        entry: The entry of the policy that states it.
        would_pass: The quantity, in base units, that it would have let through.
    """

    code: str
    text: str
    limit: str | None = None
    observed: str | None = None
    scope: str | None = None
    entry: str | None = None
    would_pass: Decimal | None = None

    def __str__(self) -> str:
        """Return it as the gate said it."""
        return self.text


class Answer(Struct, frozen=True):
    """What an intent was answered with.

    Attributes:
        intent_id: The intent.
        kind: How it was answered.
        reasons: Every reason.
        decision_id: The decision; None where there is none.
        quantity: The approved size in base units; None where nothing was approved.
        first_decision: For an intent that was asked before, the decision that stands.
        first_verdict: What that came to: ``approve``, ``reduce``, ``deny``; empty while it is open.
        is_heard: Whether the gate answered; False where the client speaks for it.
    """

    intent_id: str
    kind: AnswerKind
    reasons: tuple[Reason, ...] = ()
    decision_id: str | None = None
    quantity: Decimal | None = None
    first_decision: str | None = None
    first_verdict: str = ""
    is_heard: bool = True

    @property
    def approved(self) -> bool:
        """Whether this very call was approved, in full or smaller: a signal is on its way."""
        return self.kind in (AnswerKind.APPROVE, AnswerKind.REDUCE)

    @property
    def was_approved_before(self) -> bool:
        """Whether the same intent was approved when it was asked first; it is not sent again."""
        return self.first_verdict in (AnswerKind.APPROVE, AnswerKind.REDUCE)

    @property
    def may_ask_again(self) -> bool:
        """Whether the same intent may still come to a verdict, and so may be asked again."""
        is_open = self.first_decision is not None and not self.first_verdict
        return self.kind is AnswerKind.RETRY_SAFE or not self.is_heard or is_open

    @property
    def decision_to_follow(self) -> str | None:
        """The decision whose fills may come: the first one, where the intent was asked before."""
        return self.first_decision or self.decision_id


class _Reply(Struct):
    """The door's reply, as docs/CONTRACTS.md has it."""

    verdict: AnswerKind
    reasons: tuple[str, ...] = ()
    decision_id: str | None = None
    quantity: Decimal | None = None
    first_decision: str | None = None
    first_verdict: str | None = None


_decoded: Final = msgspec.json.Decoder(_Reply).decode


def read_answer(intent_id: str, reply: bytes) -> Answer:
    """Return what the door replied.

    Raises:
        ValueError: It cannot be read, as from a gate of another version.
    """
    try:
        found = _decoded(reply)
    except msgspec.MsgspecError as error:
        raise ValueError(f"the reply cannot be read: {error}") from error
    return Answer(
        intent_id=intent_id,
        kind=found.verdict,
        reasons=tuple(map(read_reason, found.reasons)),
        decision_id=found.decision_id,
        quantity=found.quantity,
        first_decision=found.first_decision,
        first_verdict=found.first_verdict or "",
    )


_REASON: Final = re.compile(
    r"(?P<code>[A-Z][A-Z_]+)(?:: |$)"
    r"(?:limit=(?P<limit>.*?)(?:, (?=(?:observed|scope|entry|would_pass)=)|$))?"
    r"(?:observed=(?P<observed>.*?)(?:, (?=(?:scope|entry|would_pass)=)|$))?"
    r"(?:scope=(?P<scope>.*?)(?:, (?=(?:entry|would_pass)=)|$))?"
    r"(?:entry=(?P<entry>.*?)(?:, (?=would_pass=)|$))?"
    r"(?:would_pass=(?P<would_pass>[0-9.]+))?",
    re.DOTALL,
)


def read_reason(text: str) -> Reason:
    """Return a reason from its text, ``CODE: name=value, ...``; any text is one."""
    found = _REASON.fullmatch(text)
    if found is None:
        return Reason("", text)
    would_pass = found["would_pass"]
    return Reason(
        found["code"], text, found["limit"], found["observed"], found["scope"], found["entry"],
        None if would_pass is None else Decimal(would_pass),
    )  # fmt: skip


def silent_answer(intent_id: str, on_silence: OnSilence, why: str) -> Answer:
    """Return what an intent counts as that nobody answered."""
    is_open = on_silence is OnSilence.RETRY_SAFE
    kind = AnswerKind.RETRY_SAFE if is_open else AnswerKind.DENY
    return Answer(intent_id, kind, (Reason(NO_ANSWER, f"{NO_ANSWER}: {why}"),), is_heard=False)
