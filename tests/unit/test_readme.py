"""What README shows of its examples is what becomes of them under the starter policy."""

import re

import pytest

from petrosa_cio.fleet.recordings import read_recording
from petrosa_cio.governance.files import load_governing
from petrosa_cio.launch import empty_ledger
from petrosa_cio.nurse.offline import OfflineQuestion, decide_offline
from petrosa_cio.risk.verdict import Verdict, VerdictKind
from petrosa_cio.servers import clock
from tests.loading import ROOT

_SENT = re.compile(r"^cio send --ask (examples/\S+)$", re.MULTILINE)
_ANSWERED = re.compile(r"(approve|reduce|deny)\b")

README = (ROOT / "README.md").read_text("utf-8")


def shown() -> dict[str, list[str]]:
    """Return by example the first answer that README shows after it is sent, line by line."""
    found: dict[str, list[str]] = {}
    for sent in _SENT.finditer(README):
        blocks = re.findall(r"^```\n(.*?)^```", README[sent.end() + 4 :], re.MULTILINE | re.DOTALL)
        answers = [block.splitlines() for block in blocks if _ANSWERED.match(block)]
        found.setdefault(sent[1], answers[0])
    return found


async def verdict_on(example: str) -> Verdict:
    """Decide an example as on a bare start: no market data, no regime, no equity."""
    (one,) = read_recording((ROOT / example).read_bytes())
    governing, now = load_governing(None, None), clock()
    question = OfflineQuestion(one.body(at=now), governing.first_policy, governing.charter, now=now)
    return await decide_offline(question, await empty_ledger(now), max_bytes=65_536)


def test_every_example_is_shown_in_the_readme() -> None:
    assert {ROOT / one for one in shown()} == set((ROOT / "examples").glob("*.json"))


@pytest.mark.parametrize("example", shown())
async def test_an_example_is_answered_as_the_readme_shows(example: str) -> None:
    first, *reasons = shown()[example]
    verdict = await verdict_on(example)
    size = f" {verdict.quantity:f}" if verdict.quantity is not None else ""
    assert re.fullmatch(rf"{verdict.kind}{re.escape(size)}  [0-9a-f]{{32}}", first)
    assert [line.strip() for line in reasons] == [str(one) for one in verdict.reasons]


async def test_the_first_example_passes_and_the_bad_one_does_not() -> None:
    assert (await verdict_on("examples/first-intent.json")).kind is VerdictKind.APPROVE
    bad = await verdict_on("examples/bad-intent.json")
    assert bad.kind is VerdictKind.DENY
    assert len(bad.reasons) > 1
