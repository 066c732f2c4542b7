"""What-if on records as gates wrote them, short to ask for."""

from collections.abc import Iterable

import orjson

from petrosa_cio.audit.governing import PastGoverning
from petrosa_cio.audit.trace import AFTER_APPROVAL
from petrosa_cio.governance.what_if import Findings, WhatIf
from petrosa_cio.governance.what_if.order import fates_of, in_order
from petrosa_cio.risk.policy import PolicyDocument
from tests.replaying import VERSION, documents_in


async def what_if(
    records: Iterable[bytes],
    candidate: PolicyDocument | None = None,
    *,
    version: str = VERSION,
    each: dict[str, tuple[str, str | None, list[str]]] | None = None,
) -> Findings:
    """Decide records again: verdicts, what became of them, and the changes that governed.

    Args:
        records: The records, in any order.
        candidate: The policy instead; None for those of then.
        version: The version of the program that decides.
        each: Where to put each verdict under the candidate: its kind, its size, its reason codes.
    """
    verdicts: list[bytes] = []
    changes: list[bytes] = []
    later: list[bytes] = []
    for line in records:
        kind = orjson.loads(line)["kind"]
        kept = later if kind in AFTER_APPROVAL else changes if kind == "change" else verdicts
        kept.append(line)
    governing = PastGoverning(documents_in(changes), instead=candidate)
    asked = WhatIf(governing, fates_of(later), code_version=version)
    for line in in_order(verdicts):
        again = await asked.decide(line)
        if each is not None and again is not None:
            size, codes = again.would.quantity, [str(one.code) for one in again.would.reasons]
            text = None if size is None else str(size)
            each[orjson.loads(line)["decision_id"]] = (str(again.would.kind), text, codes)
    return asked.findings
