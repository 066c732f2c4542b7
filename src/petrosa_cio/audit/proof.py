"""Follows a chain from record to record and says whether it is what it was. Pure.

It is handed what a store holds, by position, and never keeps more than the end of what it has seen:
a record of years takes no more memory than one of minutes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from petrosa_cio.audit.chain import GENESIS, hash_of
from petrosa_cio.audit.checkpoint import Checkpoint, is_signed_with
from petrosa_cio.ports import Head

MISFITS_TOLD = 100
"""Most misfits told one by one; beyond they are counted."""


class FaultKind(StrEnum):
    """What can be wrong with a record in its place."""

    MISSING = "missing"
    CHANGED = "changed"
    REORDERED = "reordered"
    DUPLICATED = "duplicated"


@dataclass(frozen=True, slots=True)
class Fault:
    """A place where the chain is broken.

    Attributes:
        kind: What is wrong.
        seq: Position where it was found; 0 where a record states none.
        record: Identity of the record, where there is one.
        detail: What was seen, in words.
    """

    kind: FaultKind
    seq: int
    record: str
    detail: str


@dataclass(frozen=True, slots=True)
class Misfit:
    """A checkpoint that does not fit the record."""

    seq: int
    at: str
    key_id: str
    detail: str


class Outcome(StrEnum):
    """What came of a proof."""

    PROVEN = "proven"
    BROKEN = "broken"
    UNPROVEN = "not proven"


@dataclass(slots=True)
class Proof:
    """What is known of a chain so far.

    Attributes:
        chain: The fund whose chain it is.
        keys: Public keys that may have signed, by their id. Where none is known, signatures cannot
            be checked, and so nothing is proven.
        head: The last record seen, as it states itself. Begins before the first record that is
            looked at; ``hash`` is empty where what stands before it is not looked at.
        records: Records looked at.
        faults: How many places are broken.
        first_fault: The first of them.
        checkpoints: Checkpoints that fit.
        unsigned: Checkpoints whose hash fits, but whose signature could not be checked.
        misfits: How many checkpoints do not fit.
        told: The first `MISFITS_TOLD` of them.
        newest: The newest checkpoint that fits.
        archived_until: Position up to which the record is in an archive, by a signed statement, and
            is not looked at; 0 where the chain begins at 1.
        earlier: Checkpoints that were kept elsewhere and belong to what is in an archive.
    """

    chain: str
    keys: Mapping[str, bytes]
    head: Head = GENESIS
    records: int = 0
    faults: int = 0
    first_fault: Fault | None = None
    checkpoints: int = 0
    unsigned: int = 0
    misfits: int = 0
    told: list[Misfit] = field(default_factory=list)
    newest: Checkpoint | None = None
    archived_until: int = 0
    earlier: int = 0

    def take(self, document: Mapping[str, object]) -> None:
        """Look at the next record. Records come by position, the lowest first."""
        self.records += 1
        seq, stated = document.get("seq"), document.get("hash")
        if not isinstance(seq, int) or isinstance(seq, bool) or not isinstance(stated, str):
            self._broken(FaultKind.CHANGED, 0, document, "it states no position or no hash")
            return
        if seq <= self.head.seq:
            again = seq == self.head.seq
            kind = FaultKind.DUPLICATED if again else FaultKind.REORDERED
            self._broken(kind, seq, document, f"it comes after record {self.head.seq}")
            return
        follows = seq == self.head.seq + 1
        if not follows:
            self._miss(self.head.seq + 1, seq - 1)
        self._compare(document, Head(seq, stated), follows)
        self.head = Head(seq, stated)

    def _compare(self, document: Mapping[str, object], its: Head, follows: bool) -> None:
        linked = not follows or document.get("prev_hash") == self.head.hash or not self.head.hash
        if not _is_whole(document, its.hash):
            kind = FaultKind.CHANGED if linked else FaultKind.REORDERED
            self._broken(kind, its.seq, document, "its hash is not that of what it says")
        elif not linked:
            detail = f"record {its.seq}, which is whole, follows another one"
            self._fault(Fault(FaultKind.CHANGED, self.head.seq, "", detail))

    def judge(self, checkpoint: Checkpoint) -> None:
        """Compare a checkpoint, once all records up to its position were taken."""
        detail = self._misfit(checkpoint)
        if detail:
            at = checkpoint.at.isoformat()
            self._misfits(Misfit(checkpoint.seq, at, checkpoint.key_id, detail))
        elif checkpoint.key_id in self.keys:
            self.checkpoints += 1
            self.newest = checkpoint
        else:
            self.unsigned += 1

    def misread(self, name: str, why: str) -> None:
        """Note a stored checkpoint that cannot be read."""
        self._misfits(Misfit(0, "", "", f"{name}: {why}"))

    def misstated(self, name: str, why: str) -> None:
        """Note a statement of where the chain begins that does not count."""
        detail = f"it states that the chain begins later, but {why}"
        self._fault(Fault(FaultKind.CHANGED, 0, name, detail))

    def not_aside(self, document: Mapping[str, object]) -> None:
        """Note that what a record says was set aside is not there as it was."""
        seq = document.get("seq")
        detail = "the bytes that were set aside in its place are gone or changed"
        self._broken(FaultKind.CHANGED, seq if isinstance(seq, int) else 0, document, detail)

    def _misfits(self, misfit: Misfit) -> None:
        self.misfits += 1
        if len(self.told) < MISFITS_TOLD:
            self.told.append(misfit)

    def _misfit(self, checkpoint: Checkpoint) -> str:
        if checkpoint.chain != self.chain:
            return f"it is one of the chain {checkpoint.chain}, not of {self.chain}"
        if checkpoint.seq != self.head.seq:
            return f"record {checkpoint.seq} is not there"
        if checkpoint.hash != self.head.hash:
            return f"record {checkpoint.seq} has another hash"
        key = self.keys.get(checkpoint.key_id)
        if self.keys and key is None:
            return f"it is signed with a key that is not known, {checkpoint.key_id}"
        if key is not None and not is_signed_with(checkpoint, key):
            return "its signature is not that of its key"
        return ""

    def end(self, last: int) -> None:
        """Say that nothing more comes, where ``last`` is the last position that must be there."""
        if self.head.seq < last:
            self._miss(self.head.seq + 1, last)

    @property
    def proven_until(self) -> int:
        """Position up to which the record is proven; 0 where nothing is."""
        return 0 if self.newest is None or self.faults or self.misfits else self.newest.seq

    def outcome(self, until: int = 1) -> Outcome:
        """Return what came of it, where everything up to a position was to be proven."""
        if self.faults or self.misfits:
            return Outcome.BROKEN
        return Outcome.PROVEN if self.proven_until >= until else Outcome.UNPROVEN

    def _miss(self, first: int, last: int) -> None:
        detail = "it is not there" if first == last else f"records {first} to {last} are not there"
        self._fault(Fault(FaultKind.MISSING, first, "", detail))

    def _broken(
        self, kind: FaultKind, seq: int, document: Mapping[str, object], detail: str
    ) -> None:
        self._fault(Fault(kind, seq, str(document.get("_id", "")), detail))

    def _fault(self, fault: Fault) -> None:
        self.faults += 1
        self.first_fault = self.first_fault or fault


def _is_whole(document: Mapping[str, object], stated: str) -> bool:
    try:
        return hash_of(document) == stated
    except ValueError:
        return False
