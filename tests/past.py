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
    records: Iterable[bytes], candidate: PolicyDocument | None = None, *, version: str = VERSION
) -> Findings:
    """Decide records again: verdicts, what became of them, and the changes that governed.

    Args:
        records: The records, in any order.
        candidate: The policy instead; None for those of then.
        version: The version of the program that decides.
    """
    verdicts, changes, later = [], [], []
    for line in records:
        kind = orjson.loads(line)["kind"]
        kept = later if kind in AFTER_APPROVAL else changes if kind == "change" else verdicts
        kept.append(line)
    governing = PastGoverning(documents_in(changes), instead=candidate)
    asked = WhatIf(governing, fates_of(later), code_version=version)
    for line in in_order(verdicts):
        await asked.decide(line)
    return asked.findings
