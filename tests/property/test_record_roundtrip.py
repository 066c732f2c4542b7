"""What is recorded of an assessment, and given back on redelivery, is the assessment."""

from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.audit.record import assessment_from, decision_part
from petrosa_cio.risk.decide import assess, conclude
from petrosa_cio.risk.intent import Intent
from petrosa_cio.risk.parse import Malformed
from petrosa_cio.risk.policy import Charter, PolicyDocument
from tests.deciding import NOW, Plain, readings_of
from tests.property import worlds
from tests.records import DECIDING


@given(worlds.INTENTS, st.none() | worlds.DOCUMENTS, worlds.CHARTERS, worlds.WORLDS, worlds.LEDGERS)
def test_an_assessment_comes_back_as_it_was(
    intent: Intent,
    document: PolicyDocument | None,
    charter: Charter,
    parts: Plain,
    ledger: Plain,
) -> None:
    snapshot = worlds.world(document, charter, parts)
    assessment = assess(intent, taken_at=worlds.taken_at(intent), snapshot=snapshot)
    again = assessment_from(decision_part(intent, snapshot, assessment, DECIDING))
    assert again == assessment
    readings = readings_of(assessment, ledger)
    assert conclude(again, readings) == conclude(assessment, readings)


def test_a_refusal_comes_back_as_it_was() -> None:
    malformed = Malformed("not a JSON object")
    snapshot = worlds.world(None, Charter(), {})
    assessment = assess(malformed, taken_at=NOW, snapshot=snapshot)
    assert assessment_from(decision_part(malformed, snapshot, assessment, DECIDING)) == assessment
