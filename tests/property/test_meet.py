"""The tighter of two policies: never looser than either, and no tighter than it has to be."""

from hypothesis import given
from hypothesis import strategies as st

from petrosa_cio.governance.documents import read_policy_document
from petrosa_cio.risk.compare import compare, compare_documents
from petrosa_cio.risk.in_force import PolicyBook
from petrosa_cio.risk.limit_kinds import Change
from petrosa_cio.risk.limits import LIMIT_KINDS
from petrosa_cio.risk.meet import meet_documents
from petrosa_cio.risk.policy import Charter, PolicyDocument, canonical_json
from tests.deciding import NOW
from tests.property.worlds import DOCUMENTS, REGIMES, STRATEGIES, SYMBOLS

NEITHER = "unsized_order_usd"
"""Of two sizes for unsized intents none is the tighter one."""

ORDERED = [name for name in LIMIT_KINDS if name != NEITHER]


def met(one: PolicyDocument, other: PolicyDocument) -> PolicyDocument:
    return meet_documents(one, other, NOW, mark="-was-1")


@given(DOCUMENTS, DOCUMENTS)
def test_it_is_never_looser_than_what_is_in_force(
    one: PolicyDocument, other: PolicyDocument
) -> None:
    change = compare_documents(one, met(one, other), NOW).change
    assert change in (Change.TIGHTER, Change.EQUAL)


@given(DOCUMENTS, DOCUMENTS)
def test_it_is_never_looser_than_the_other_one(one: PolicyDocument, other: PolicyDocument) -> None:
    loosened = [
        each
        for each in compare(other.policy, met(one, other).policy).loosened
        # Mixed is what one leaves open and the other states looser than that.
        if not each.path.endswith(NEITHER)
        and (each.change is Change.LOOSER or each.new is not None)
    ]
    assert loosened == []


@given(
    DOCUMENTS,
    DOCUMENTS,
    st.sampled_from((*STRATEGIES, "another")),
    st.sampled_from((*SYMBOLS, "XRPUSDT")),
    st.sampled_from((*REGIMES, "other", None)),
)
def test_each_intent_meets_the_stricter_of_both(
    one: PolicyDocument, other: PolicyDocument, strategy: str, symbol: str, regime: str | None
) -> None:
    documents = (one, other, met(one, other))
    first, second, both = (
        PolicyBook(each, Charter()).in_force(strategy, symbol, regime, NOW).limits
        for each in documents
    )
    for name in ORDERED:
        kind = LIMIT_KINDS[name]
        values = [
            kind.unstated if getattr(each, name) is None else getattr(each, name)
            for each in (first, second, both)
        ]
        stricter = kind.meet_optional(values[0], values[1])
        if kind.unstated is None:
            assert values[2] == stricter, name
        else:  # it may be tighter where one entry states it and another leaves it open
            assert kind.meet_optional(stricter, values[2]) == values[2], name


@given(DOCUMENTS)
def test_it_changes_nothing_beside_the_same(one: PolicyDocument) -> None:
    assert canonical_json(met(one, one)) == canonical_json(one)


@given(DOCUMENTS, DOCUMENTS)
def test_it_reads_again_as_it_was_made(one: PolicyDocument, other: PolicyDocument) -> None:
    made = met(one, other)
    assert read_policy_document(canonical_json(made)) == made
