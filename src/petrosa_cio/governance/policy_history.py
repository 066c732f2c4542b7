"""Which limits stood when, who set them and why: read from the changes in the record."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from petrosa_cio.audit.found_record import content_of, part
from petrosa_cio.errors import PolicyRejected
from petrosa_cio.governance.desk import REMEMBERED, policy_change_id
from petrosa_cio.governance.documents import read_charter_document, read_policy_document
from petrosa_cio.ports import StoredRecord
from petrosa_cio.risk.limits import LIMIT_KINDS, LimitSet
from petrosa_cio.risk.policy import Charter, Overlay, PolicyDocument

CHARTER = "charter"
"""The entry under which the charter's bounds stand."""

BY_PEOPLE = ("policy", "charter", "trading_state", "regime_override")
"""Subjects of changes that people make; what is observed changes by itself."""


@dataclass(frozen=True, slots=True)
class Changed:
    """One change of what governs, as it was recorded.

    Attributes:
        change_id: Its identity: the thought of a policy is ``policy-<fund>-<revision>``.
        subject: What was changed, one of `BY_PEOPLE`.
        scope: Of what: a policy's revision, a charter's hash, ``fund``, ``symbol:BTCUSDT``.
        at: When it was recorded first.
        author: Who changed it.
        reason: Why.
        seq: Its position in the chain.
        value: What it became; for policy and charter empty, as those are documents.
    """

    change_id: str
    subject: str
    scope: str
    at: datetime
    author: str
    reason: str
    seq: int
    value: str = ""


@dataclass(slots=True)
class Stint:
    """One limit with one value, as long as it stood.

    Attributes:
        entry: The entry that states it, such as ``fund`` or ``strategies.momentum_v1``.
        limit: Its field.
        value: What it allowed.
        set_by: The change that brought it.
        versions: The versions that have it, in order: a policy's revisions, or a charter's hashes.
        until: When it was no more; None where it still stands.
    """

    entry: str
    limit: str
    value: object
    set_by: Changed
    versions: list[str]
    until: datetime | None = None


@dataclass(slots=True)
class PolicyHistory:
    """What governed a fund, version by version.

    Attributes:
        fund: The fund.
        changes: Every change that people made, in the order of the record.
        policies: The documents by revision, as text; those that do not read are left out.
        charters: The charters by hash.
    """

    fund: str
    changes: list[Changed] = field(default_factory=list)
    policies: dict[str, PolicyDocument] = field(default_factory=dict)
    charters: dict[str, Charter] = field(default_factory=dict)
    _versions: dict[tuple[str, str], Changed] = field(default_factory=dict)

    def add(self, found: StoredRecord) -> None:
        """Take the record of a change. The first of a version counts, under its own identity."""
        told = part(content_of(found), "change")
        subject, scope, value = (str(told.get(key)) for key in ("subject", "scope", "value"))
        if subject not in BY_PEOPLE:
            return
        is_document = subject in ("policy", "charter")
        changed = Changed(
            str(found.decision_id), subject, scope, found.at, str(told.get("author")),
            str(told.get("reason")), found.seq, "" if is_document else value,
        )  # fmt: skip
        if is_document:
            self._add_version(changed, value)
        elif told.get("reason") != REMEMBERED:
            self.changes.append(changed)

    def _add_version(self, changed: Changed, value: str) -> None:
        key = (changed.subject, changed.scope)
        known = self._versions.get(key)
        is_own = changed.subject == "charter" or (
            changed.scope.isdigit()
            and changed.change_id == policy_change_id(self.fund, int(changed.scope))
        )
        if known is None:
            self._read(changed, value)
        if known is None or (is_own and known.reason == REMEMBERED):
            self._versions[key] = changed
            self.changes = [one for one in self.changes if one is not known] + [changed]

    def _read(self, changed: Changed, value: str) -> None:
        try:
            if changed.subject == "policy":
                self.policies[changed.scope] = read_policy_document(value.encode())
            else:
                self.charters[changed.scope] = read_charter_document(value.encode())
        except PolicyRejected:
            return  # of an older or newer program: its decisions are counted without its limits

    def stints(self) -> list[Stint]:
        """Return every limit with every value that it had, in the order of the entries."""
        found = [
            *self._stints("policy", {key: _stated(one) for key, one in self.policies.items()}),
            *self._stints("charter", {key: _bounds(one) for key, one in self.charters.items()}),
        ]
        for stint in found:
            expiry = self._expiry(stint)
            if expiry is not None and (stint.until is None or expiry < stint.until):
                stint.until = expiry
        return found

    def _stints(
        self, subject: str, stated: dict[str, dict[tuple[str, str], object]]
    ) -> list[Stint]:
        versions = [one for (what, _), one in self._versions.items() if what == subject]
        versions.sort(key=lambda one: int(one.scope) if subject == "policy" else one.seq)
        found, standing = list[Stint](), dict[tuple[str, str], Stint]()
        for version in versions:
            now = stated.get(version.scope, {})
            for key in [one for one in standing if standing[one].value != now.get(one)]:
                standing.pop(key).until = version.at
            for key, value in now.items():
                if key in standing:
                    standing[key].versions.append(version.scope)
                else:
                    standing[key] = Stint(*key, value, version, [version.scope])
                    found.append(standing[key])
        return found

    def _expiry(self, stint: Stint) -> datetime | None:
        document = self.policies.get(stint.versions[-1])
        overlays = document.overlays if document else ()
        ends = (one.expires_at for one in overlays if stint.entry.startswith(prefix_of(one)))
        return next(ends, None)


def prefix_of(overlay: Overlay) -> str:
    """Return what the paths of an overlay's entries begin with."""
    return f"overlays.{overlay.overlay_id}."


def _stated(document: PolicyDocument) -> dict[tuple[str, str], object]:
    sources = [("", document.policy), *((prefix_of(one), one) for one in document.overlays)]
    return {
        (prefix + path, name): value
        for prefix, families in sources
        for _, path, limits in families.entries()
        for name, value in _limits_in(limits)
    }


def _bounds(charter: Charter) -> dict[tuple[str, str], object]:
    return {(CHARTER, name): value for name, value in _limits_in(charter.bounds)}


def _limits_in(limits: LimitSet) -> Iterator[tuple[str, object]]:
    for name in LIMIT_KINDS:
        value = getattr(limits, name)
        if value is not None:
            yield name, value
