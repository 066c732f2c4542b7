"""Whatever a policy states either shows that it bites, or says who comes first."""

import asyncio

from hypothesis import event, given, settings

from petrosa_cio.governance.self_test import Shown, Status, self_test
from petrosa_cio.governance.self_test.run import Asked
from petrosa_cio.risk.in_force import PolicyBook
from petrosa_cio.risk.places import entries_of
from petrosa_cio.risk.policy import Charter, PolicyDocument
from petrosa_cio.risk.policy_findings import Severity, policy_findings
from tests.deciding import NOW
from tests.property import worlds


async def _all_shown(document: PolicyDocument, charter: Charter) -> list[Shown]:
    return [one async for one in self_test(PolicyBook(document, charter), NOW, Asked())]


@settings(max_examples=400)
@given(worlds.DOCUMENTS, worlds.DEMANDING_CHARTERS)
def test_every_stated_limit_bites_or_names_who_comes_first(
    document: PolicyDocument, charter: Charter
) -> None:
    findings = policy_findings(document, charter, now=NOW)
    event("refused" if findings and findings[0].severity is Severity.ERROR else "accepted")
    ended = {one.overlay_id for one in document.overlays if not one.is_active(NOW)}
    stated = [
        (one.path, limit)
        for one in entries_of(document, charter)
        if one.overlay not in ended
        for limit in one.stated
    ]
    shown = asyncio.run(_all_shown(document, charter))
    assert [(one.entry, one.limit) for one in shown] == stated
    for one in shown:
        event(f"{one.limit} {one.status}")
        assert one.status is not Status.FAILS, one
        if one.status is Status.BITES:
            assert one.passes or one.stopped
        else:
            assert one.why, one


@settings(max_examples=300)
@given(worlds.DOCUMENTS, worlds.CHARTERS)
def test_what_can_never_bind_does_not_bite(document: PolicyDocument, charter: Charter) -> None:
    lasting = PolicyDocument(policy=document.policy)
    found = policy_findings(lasting, charter, now=NOW)
    never = {one.path for one in found if "never binds" in one.sentence}
    for one in asyncio.run(_all_shown(lasting, charter)):
        if f"{one.entry}.{one.limit}" in never:
            assert one.status is Status.SHADOWED, one
