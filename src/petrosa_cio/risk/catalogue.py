"""What each reason code means, in words a trader understands.

The words stand where the rule stands: in the docstring of the check that gives the code, or beside
the shared limits. Here they are only gathered, for documents and screens.
"""

from petrosa_cio.risk.checks import CHECKS
from petrosa_cio.risk.reasons import ReasonCode
from petrosa_cio.risk.shared_limits import SHARED_CODES

_SYSTEM_CODES = {
    ReasonCode.INTENT_MALFORMED: "The message is no intent: it cannot be read, or not be trusted.",
    ReasonCode.LEDGER_UNAVAILABLE: (
        "The ledger of what is shared did not answer until the intent was too old."
    ),
    ReasonCode.DEADLINE_EXCEEDED: (
        "The caller at the synchronous door was told to try again before anything was promoted."
    ),
    ReasonCode.CHECK_FAILED: "A check failed on this intent; what cannot be checked is denied.",
}


def _sentence(docstring: str | None) -> str:
    return " ".join((docstring or "").split("\n\n")[0].split())


MEANINGS: dict[ReasonCode, str] = {
    code: {
        **{check.code: _sentence(check.run.__doc__) for check in CHECKS},
        **SHARED_CODES,
        **_SYSTEM_CODES,
    }[code]
    for code in ReasonCode
}
"""A sentence or two for every reason code, in the order of the list of codes."""
