"""Which signal is ours, on values; and the watch with a record that lags."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from petrosa_cio.audit.alerting import Findings
from petrosa_cio.audit.findings import FindingKind
from petrosa_cio.audit.rogue import LONGEST_WAY, SignedOff, objection, rogue_finding, sighting
from petrosa_cio.audit.signal_watch import MOST_A_MINUTE, MOST_WAITING, SignalWatch
from petrosa_cio.errors import Unavailable
from petrosa_cio.ports import SignalMessage, StreamEnds
from tests.records import NOON

SUBJECT = "signals.trading.momentum"
BODY = json.dumps({"decision_id": "d1", "source": "petrosa-cio", "quantity": 1.5}).encode()
SEEN = sighting(SUBJECT, "", BODY, at=NOON)
OURS = SignedOff("approve", True, False, NOON, SignalMessage("d1", SUBJECT, {}, BODY))


def test_a_signal_that_was_signed_off_is_ours() -> None:
    assert objection(SEEN, OURS) is None
    assert objection(replace(SEEN, at=NOON + LONGEST_WAY), OURS) is None


def test_what_another_version_signed_off_is_not_compared() -> None:
    unknown = replace(OURS, signal=None)
    assert objection(replace(SEEN, body_sha256="0" * 64, subject="x"), unknown) is None


@pytest.mark.parametrize(
    ("seen", "signed_off", "why"),
    [
        (replace(SEEN, decision_id=None), None, "it names no decision"),
        (SEEN, None, "the decision that it names has no verdict"),
        (SEEN, replace(OURS, verdict="deny"), "its intent was denied"),
        (SEEN, replace(OURS, withdrawn=True), "its approval was withdrawn"),
        (SEEN, replace(OURS, sends=False), "its gate only observes"),
        (
            sighting(SUBJECT, "", BODY + b" ", at=NOON),
            OURS,
            "its content is not what was signed off",
        ),
        (
            replace(SEEN, subject="signals.x"),
            OURS,
            "it is on another subject than what was signed off",
        ),
        (replace(SEEN, is_again=True), OURS, "it was seen before"),
        (
            replace(SEEN, at=NOON + LONGEST_WAY + timedelta(seconds=1)),
            OURS,
            "it comes too long after its verdict",
        ),
    ],
)
def test_what_is_not_ours_is_told_with_the_reason(
    seen: object, signed_off: SignedOff | None, why: str
) -> None:
    assert objection(seen, signed_off) == why  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        rb'{"decision_id": "\ud800"}',
        b"[]",
        b"null",
        b'{"decision_id": 7}',
        b'{"decision_id": ""}',
    ],
)
def test_whatever_the_bytes_there_is_a_sighting(body: bytes) -> None:
    seen = sighting("s" * 999, "r", body, at=NOON)
    assert seen.decision_id is None
    assert (seen.size, len(seen.subject)) == (len(body), 256)


def test_the_same_message_again_is_the_same_finding() -> None:
    once, again = rogue_finding(SEEN, "why"), rogue_finding(replace(SEEN, at=NOON), "why")
    other = rogue_finding(replace(SEEN, subject="x"), "why")
    assert once.about == again.about != other.about
    assert once.detail["states_source"] == "petrosa-cio"


# --- the watch ------------------------------------------------------------------------------------


class Record:
    """A journal of three entries, a drain, a record, and what is found and counted."""

    def __init__(self) -> None:
        self.drained = 3
        self.known: dict[str, SignedOff] = {}
        self.kept: dict[str, dict[str, object]] = {}
        self.fails: Exception | None = None
        self.judged = self.rogues = self.unjudged = 0
        self.announced: list[str] = []
        self.counted: Counter[FindingKind] = Counter()

    async def ends(self) -> StreamEnds:
        return StreamEnds(0, 1, 3)

    def batches(self, after: int, *, limit: int) -> object:
        raise NotImplementedError

    async def acknowledged_until(self) -> int:
        return self.drained

    async def outstanding(self) -> int:
        return 1

    async def waiting(self) -> int:
        return 0

    async def signed_off(self, decision_ids: Sequence[str]) -> Mapping[str, SignedOff]:
        if self.fails:
            raise self.fails
        return {one: self.known[one] for one in decision_ids if one in self.known}

    async def keep(self, documents: Sequence[dict[str, object]]) -> frozenset[str]:
        new = {str(one["_id"]): one for one in documents if one["_id"] not in self.kept}
        self.kept |= new
        return frozenset(new)

    async def open_among(self, ids: Sequence[str]) -> list[dict[str, object]]:
        return []

    async def announce(self, messages: Sequence[tuple[str, bytes]]) -> None:
        self.announced += [subject for subject, _ in messages]

    def found(self, kind: FindingKind, number: int) -> None:
        self.counted[kind] += number

    def seen(self, signals: int) -> None:
        self.judged += signals

    def rogue(self, signals: int) -> None:
        self.rogues += signals

    def overlooked(self, signals: int) -> None:
        self.unjudged += signals

    def unavailable(self, dependency: str) -> None:
        raise NotImplementedError


@pytest.fixture
def record() -> Record:
    return Record()


@pytest.fixture
def watch(record: Record) -> SignalWatch:
    def clock() -> datetime:
        return NOON

    findings = Findings("main", record, record, record, clock)
    return SignalWatch(record, record, record, findings=findings, tally=record, clock=clock)  # type: ignore[arg-type]


async def test_ours_is_judged_and_a_second_one_is_a_rogue(
    record: Record, watch: SignalWatch
) -> None:
    record.known["d1"] = OURS
    for _ in range(3):
        watch.heard(SUBJECT, "", BODY)
    await watch.look()
    assert (record.judged, record.rogues, len(record.kept)) == (3, 2, 1)
    await watch.look()
    assert record.judged == 3


async def test_while_the_record_lags_nothing_is_judged(
    record: Record, watch: SignalWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("petrosa_cio.audit.sources.DRAIN_PATIENCE_S", 0.05)
    record.drained = 2
    watch.heard(SUBJECT, "", BODY)
    with pytest.raises(Unavailable, match="lags behind"):
        await watch.look()
    assert record.judged == 0
    record.drained, record.known["d1"] = 3, OURS
    await watch.look()
    assert (record.judged, record.rogues) == (1, 0)


async def test_what_cannot_be_asked_for_waits(record: Record, watch: SignalWatch) -> None:
    record.fails = Unavailable("mongo")
    watch.heard(SUBJECT, "", BODY)
    with pytest.raises(Unavailable):
        await watch.look()
    record.fails = None
    await watch.look()
    assert (record.judged, record.rogues) == (1, 1)


async def test_what_the_program_fails_on_is_counted_and_let_go(
    record: Record, watch: SignalWatch
) -> None:
    record.fails = RuntimeError("a fault of ours")
    watch.heard(SUBJECT, "", BODY)
    await watch.look()
    assert (record.judged, record.unjudged) == (0, 1)
    assert not record.kept
    record.fails = None
    for _ in range(2):
        await watch.look()
    assert record.judged == 0
    assert record.counted == {FindingKind.NOT_CHECKED: 1}


async def test_a_flood_does_not_fill_the_memory_and_is_told(
    record: Record, watch: SignalWatch
) -> None:
    for _ in range(MOST_WAITING + 5):
        watch.heard(SUBJECT, "", b"{}")
    assert record.unjudged == 5
    await watch.look()
    assert record.judged == MOST_WAITING
    (told,) = [one for one in record.kept.values() if one["kind"] == FindingKind.NOT_CHECKED]
    assert told["detail"] == {"why": "signals could not be judged", "signals": 5}


async def test_a_flood_does_not_fill_the_database(record: Record, watch: SignalWatch) -> None:
    number = MOST_A_MINUTE + 500
    for index in range(number):
        watch.heard(SUBJECT, "", b"%d" % index)
    await watch.look()
    assert (record.rogues, len(record.kept)) == (number, MOST_A_MINUTE + 1)
    assert set(record.announced) == {"cio.audit.rogue_signal"}
    told = [str(one["detail"]["why"]) for one in record.kept.values()]  # type: ignore[index]
    assert sum("more in one minute" in why for why in told) == 1


async def test_what_was_tried_in_vain_does_not_count_as_kept(
    record: Record, watch: SignalWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: Sequence[dict[str, object]]) -> frozenset[str]:
        raise Unavailable("mongo")

    for index in range(500):
        watch.heard(SUBJECT, "", b"%d" % index)
    with monkeypatch.context() as patched:
        patched.setattr(record, "keep", away)
        for _ in range(3):
            with pytest.raises(Unavailable):
                await watch.look()
    await watch.look()
    assert len(record.kept) == 500
