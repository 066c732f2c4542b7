"""What is recorded of an assessment, and given back on redelivery, is the assessment."""

import orjson
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple

from petrosa_cio.audit.record import DecisionParts, assessment_from
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
    again = assessment_from(DecisionParts(snapshot, DECIDING).of(intent, assessment))
    assert again == assessment
    readings = readings_of(assessment, ledger)
    assert conclude(again, readings) == conclude(assessment, readings)


@given(st.lists(worlds.INTENTS, min_size=2, max_size=5), worlds.DOCUMENTS, worlds.WORLDS)
def test_what_is_written_does_not_depend_on_what_was_written_before(
    intents: list[Intent], document: PolicyDocument, parts: Plain
) -> None:
    snapshot = worlds.world(document, Charter(), parts)
    together = DecisionParts(snapshot, DECIDING)
    for intent in intents * 2:
        assessment = assess(intent, taken_at=worlds.taken_at(intent), snapshot=snapshot)
        alone = DecisionParts(snapshot, DECIDING).of(intent, assessment)
        assert together.of(intent, assessment) == alone
        assert assessment_from(alone).claims == assessment.claims
        assert orjson.loads(alone)["assessment"]["rates"] == [
            list(astuple(rate)) for rate in assessment.rates
        ]


def test_a_refusal_comes_back_as_it_was() -> None:
    malformed = Malformed("not a JSON object")
    snapshot = worlds.world(None, Charter(), {})
    assessment = assess(malformed, taken_at=NOW, snapshot=snapshot)
    part = DecisionParts(snapshot, DECIDING).of(malformed, assessment)
    assert assessment_from(part) == assessment
