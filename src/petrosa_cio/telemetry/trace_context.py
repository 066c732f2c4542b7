"""Trace contexts by the W3C's Trace Context recommendation, without any library.

The span of an intent is named after its decision: its id is the first half of the decision's. So
the signal can name its parent without asking whether anybody traces, a redelivery names the same
one, and the span, should it be exported, has exactly this name.
"""

import re
from typing import NamedTuple

SAMPLED = 1
"""The flag by which a caller says that it recorded its part of the trace."""

SPAN_ID_LENGTH = 16


_TRACEPARENT = re.compile(
    "(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)


class IntentContext(NamedTuple):
    """Where an intent stands in its trace; ids are lower-case hexadecimal."""

    trace_id: str
    span_id: str
    flags: str

    @property
    def traceparent(self) -> str:
        """The header by which whoever comes next continues the trace."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def well_formed(traceparent: str | None) -> str | None:
    """Return a ``traceparent`` that can be continued, else None."""
    return traceparent if traceparent and _TRACEPARENT.fullmatch(traceparent) else None


def context_of(decision_id: str, caller: str | None) -> IntentContext:
    """Return the context of an intent's span.

    Args:
        decision_id: The decision, 32 hexadecimal digits.
        caller: The bot's ``traceparent``; without one that can be continued, a trace is started
            that is named after the decision.
    """
    span_id = decision_id[:SPAN_ID_LENGTH]
    continued = well_formed(caller)
    if continued is None:
        return IntentContext(decision_id, span_id, "01")
    _, trace_id, _, flags = continued.split("-")
    return IntentContext(trace_id, span_id, flags)


def is_sampled(decision_id: str, caller: str | None, ratio: float) -> bool:
    """Return whether an intent is traced: as its caller chose, else a steady share of decisions.

    Every replica chooses alike, as the decision's id is all that is looked at.
    """
    continued = well_formed(caller)
    if continued is not None:
        return bool(int(continued[-2:], 16) & SAMPLED)
    return int(decision_id[-8:], 16) < ratio * 0x1_0000_0000
