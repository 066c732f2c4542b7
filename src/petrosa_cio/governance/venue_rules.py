"""The venue's rules on their way: read from files, packed for store and journal, and recorded.

Each version that may decide is written into the journal once, under its hash, before anything is
decided by it: a record names the hash, and the change of that name holds the rules.
"""

import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from petrosa_cio.audit.record import Change, change_record
from petrosa_cio.errors import Misconfigured, Problem, VenueRulesRejected
from petrosa_cio.fleet.venue_files import joined, read_venue
from petrosa_cio.ports import Journal
from petrosa_cio.risk.venue import VenueRules
from petrosa_cio.risk.venue_form import canonical_form, from_canonical_form, venue_rules

SUBJECT = "venue_rules"

MAX_PACKED_BYTES = 800_000
"""Largest packed version: its record must fit into one message of the journal."""

MAX_FORM_BYTES = 33_554_432


def load_venue_rules(paths: Sequence[Path]) -> VenueRules | None:
    """Return the rules in some files, or None where none is named.

    Raises:
        Misconfigured: With every problem of every file.
    """
    if not paths:
        return None
    documents: list[tuple[str, bytes]] = []
    problems: list[str] = []
    for path in paths:
        try:
            documents.append((path.name, path.read_bytes()))
        except OSError as error:
            problems.append(f"{path.name} cannot be read: {error.strerror}")
    try:
        rules = read_venue(documents)
        pack(rules)
    except VenueRulesRejected as rejected:
        problems += rejected.problems if documents else ()
    if problems:
        raise Misconfigured([_problem(one) for one in problems])
    return rules


def _problem(message: str) -> Problem:
    return Problem("CIO_VENUE_RULES_FILES", message, "Fetch the file anew, or mend it.")


def completed(rules: VenueRules, files: VenueRules | None) -> VenueRules:
    """Return the venue's own answer with what files know besides: brackets and other symbols."""
    if files is None:
        return rules
    return venue_rules(
        joined(rules.symbols.get(symbol, known), known)
        for symbol, known in {**rules.symbols, **files.symbols}.items()
    )


def pack(rules: VenueRules) -> str:
    """Return rules as short text.

    Raises:
        VenueRulesRejected: They are too many to be recorded.
    """
    packed = b64encode(zlib.compress(canonical_form(rules.symbols), 9)).decode("ascii")
    if len(packed) > MAX_PACKED_BYTES:
        raise VenueRulesRejected(
            [f"{len(rules.symbols)} symbols are too many to be recorded; name fewer"]
        )
    return packed


def unpack(packed: str | bytes) -> VenueRules:
    """Return the rules that `pack` made short. Raises ValueError for anything else."""
    try:
        unpacking = zlib.decompressobj()
        form = unpacking.decompress(b64decode(packed, validate=True), MAX_FORM_BYTES)
    except zlib.error as error:
        raise ValueError(f"not packed venue rules: {error}") from error
    if not unpacking.eof:
        raise ValueError("not packed venue rules: cut off, or larger than any are")
    return from_canonical_form(form)


def venue_change_id(fund: str, content_hash: str) -> str:
    """Return the identity under which a version of the rules is recorded."""
    return f"venue-{fund}-{content_hash}"


class VenueRecorder:
    """Writes versions of the rules into the journal, each once under its hash."""

    def __init__(self, journal: Journal, *, fund: str, clock: Callable[[], datetime]) -> None:
        """Take the journal, the fund and the time as aware UTC."""
        self._journal = journal
        self._fund = fund
        self._clock = clock
        self._recorded: set[str] = set()

    async def record(self, rules: VenueRules, *, author: str) -> None:
        """Record a version, unless this process has done so. Raises Unavailable."""
        if rules.content_hash in self._recorded:
            return
        reason = f"{len(rules.symbols)} symbols"
        change = Change(SUBJECT, rules.content_hash, pack(rules), author, reason)
        identity = venue_change_id(self._fund, rules.content_hash)
        record = change_record(identity, change, at=self._clock(), fund=self._fund)
        await self._journal.append([record])
        self._recorded.add(rules.content_hash)
