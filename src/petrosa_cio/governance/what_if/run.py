"""What-if: the intents of the past, decided again under a candidate policy.

Give it the records of verdicts in the ledger's order, one by one; it says what would have been
otherwise. The decision is the gate's own (`petrosa_cio.risk.decide`), time is the recorded one, and
the ledger is simulated: what was read then, with the difference that the candidate made.
"""

from collections.abc import Mapping

import orjson

from petrosa_cio.audit.governing import PastGoverning
from petrosa_cio.audit.redecide import Governing
from petrosa_cio.audit.reread import Fields
from petrosa_cio.governance.what_if.again import Again, SecondGate, undecidable
from petrosa_cio.governance.what_if.findings import Findings
from petrosa_cio.governance.what_if.two_worlds import Fate
from petrosa_cio.risk.counters import GROSS

INCOMPLETE = "the record is not complete"
TWICE = "the decision has an earlier verdict, which stands"


class WhatIf:
    """Decides the past again.

    Args:
        governing: What governs: the candidate, with charter and venue's rules of then.
        fates: Which approvals came to nothing, by decision.
        code_version: Version of this program.
        may_repeat: Whether a decision may come with two verdicts, of which the first stands. In the
            chain of records it has one, and no list of all decisions has to be kept.

    Attributes:
        findings: What was found so far. Whoever asks in portions may set new ones in between.
    """

    def __init__(
        self,
        governing: PastGoverning,
        fates: Mapping[str, Fate],
        *,
        code_version: str,
        may_repeat: bool = True,
    ) -> None:
        self.findings = Findings()
        self._governing = governing
        self._fates = fates
        self._code_version = code_version
        self._gate = SecondGate()
        self._known: set[str] | None = set() if may_repeat else None

    async def decide(self, line: bytes) -> Again | None:
        """Decide a recorded verdict again; note why where that cannot be. Raises Unavailable.

        Args:
            line: The record, in the bytes in which it is kept.
        """
        try:
            record = orjson.loads(line)
            problem = self._problem(record)
            if problem is None:
                then = await self._governing.of(record)
                if then.governing is not None:
                    return self._decide(record, then.governing)
                problem = "; ".join(then.missing)
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError):
            problem = INCOMPLETE
        self.findings.undecidable[problem] += 1
        return None

    def _problem(self, record: Fields) -> str | None:
        if self._known is not None:
            decision_id = str(record["decision_id"])
            if decision_id in self._known:
                return TWICE
            self._known.add(decision_id)
        return undecidable(record)

    def _decide(self, record: Fields, governing: Governing) -> Again:
        decision_id, decision = str(record["decision_id"]), record["decision"]
        again = self._gate.decide(record, governing, self._fates.get(decision_id))
        self.findings.other_versions += record["code_version"] != self._code_version
        self.findings.add(decision_id, decision["policy_revision"], again)
        self._profile(again)
        return again

    def _profile(self, again: Again) -> None:
        at_ms, profile = int(again.at.timestamp() * 1000), self.findings.profile
        profile.decided(at_ms, was=again.was.is_promoted, would=again.would.is_promoted)
        for counter in again.counters:
            exposure = self._gate.worlds.exposure(counter)
            is_gross = counter == GROSS
            profile.exposed(at_ms, counter, exposure.was, exposure.would, is_gross=is_gross)
