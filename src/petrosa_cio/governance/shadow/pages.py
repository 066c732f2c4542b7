"""What a shadow found, as pages that are kept, and the report that they add up to. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from petrosa_cio.governance.what_if import Findings, Flip, FlipKind
from petrosa_cio.ports import ShadowCount, ShadowFlip, ShadowPage
from petrosa_cio.risk.verdict import VerdictKind

_BY: Final[Mapping[str, str]] = {
    "code": "by_code",
    "strategy": "by_strategy",
    "symbol": "by_symbol",
    "revision": "by_revision",
}
"""What flips are counted by, and where `Findings` has them."""


@dataclass(slots=True)
class ShadowReport:
    """What a shadow found so far.

    Attributes:
        findings: Verdicts and flips, as a what-if has them, without exposure over time.
        errors: Verdicts that could not be decided for an error, by its kind.
        until_seq: Position of the last record that was looked at; 0 before the first.
        until: When that one was journaled.
        is_complete: Whether everything that the shadow judges was looked at.
    """

    findings: Findings = field(default_factory=Findings)
    errors: Counter[str] = field(default_factory=Counter)
    until_seq: int = 0
    until: datetime | None = None
    is_complete: bool = False

    @property
    def in_short(self) -> dict[str, object]:
        """What is recorded with an ending: what was known of the candidate then."""
        return {
            "decided": self.findings.decided,
            "flips": {one.name.lower(): self.findings.by_kind[one] for one in FlipKind},
            "undecidable": self.findings.undecidable.total(),
            "errors": self.errors.total(),
            "until_seq": self.until_seq,
        }


def page_of(
    place: ShadowPage, findings: Findings, errors: Mapping[str, int], *, is_last: bool
) -> ShadowPage:
    """Return a page with what was found in a stretch.

    Args:
        place: The page, of which only the place in chain and shadow is known.
        findings: What was found.
        errors: What could not be decided for an error, by its kind.
        is_last: Whether nothing comes after it.
    """
    return ShadowPage(
        shadow_id=place.shadow_id,
        number=place.number,
        after_seq=place.after_seq,
        until_seq=place.until_seq,
        until=place.until,
        counts=tuple(_counts(findings, errors)),
        flips=tuple(_kept(one) for one in findings.flips),
        first=findings.first,
        last=findings.last,
        other_reasons=findings.other_reasons,
        other_versions=findings.other_versions,
        is_last=is_last,
    )


def _counts(findings: Findings, errors: Mapping[str, int]) -> Iterator[ShadowCount]:
    for what, shares in (("was", findings.was), ("would", findings.would)):
        for verdict in VerdictKind:
            if number := getattr(shares, verdict):
                yield ShadowCount(what, verdict.value, "", number)
    for kind, number in findings.by_kind.items():
        yield ShadowCount("kind", "", kind.name.lower(), number)
    for what, attribute in _BY.items():
        for name, kinds in getattr(findings, attribute).items():
            for kind, number in kinds.items():
                yield ShadowCount(what, name, kind.name.lower(), number)
    for what, counted in (("undecidable", findings.undecidable), ("error", errors)):
        for name, number in counted.items():
            yield ShadowCount(what, name, "", number)


def _kept(flip: Flip) -> ShadowFlip:
    was, would = (None if one is None else f"{one:f}" for one in flip.quantities)
    return ShadowFlip(
        kind=flip.kind.name.lower(),
        decision_id=flip.decision_id,
        at=flip.at,
        strategy=flip.strategy,
        symbol=flip.symbol,
        policy_revision=flip.policy_revision,
        quantity_was=was,
        quantity_would=would,
        codes=flip.codes,
        reasons=flip.reasons,
    )


def report_of(pages: Iterable[ShadowPage], flips: Iterable[ShadowFlip]) -> ShadowReport:
    """Return what pages add up to.

    Args:
        pages: The pages of a shadow in order; their flips do not matter.
        flips: The flips that are to be shown one by one.
    """
    report = ShadowReport()
    findings = report.findings
    for page in pages:
        for one in page.counts:
            _add(report, one)
        findings.other_reasons += page.other_reasons
        findings.other_versions += page.other_versions
        findings.first = min(filter(None, (findings.first, page.first)), default=None)
        findings.last = max(filter(None, (findings.last, page.last)), default=None)
        report.until_seq, report.until = page.until_seq, page.until
        report.is_complete = page.is_last
    findings.flips = [_shown(one) for one in flips]
    return report


def _add(report: ShadowReport, one: ShadowCount) -> None:
    findings = report.findings
    if one.what in ("was", "would"):
        shares = getattr(findings, one.what)
        setattr(shares, one.name, getattr(shares, one.name) + one.number)
    elif one.what == "kind":
        findings.by_kind[_kind(one.flip)] += one.number
    elif one.what in _BY:
        by_name = getattr(findings, _BY[one.what])
        by_name.setdefault(one.name, Counter())[_kind(one.flip)] += one.number
    else:
        counted = report.errors if one.what == "error" else findings.undecidable
        counted[one.name] += one.number


def _kind(name: str) -> FlipKind:
    return FlipKind[name.upper()]


def _shown(flip: ShadowFlip) -> Flip:
    return Flip(
        kind=_kind(flip.kind),
        decision_id=flip.decision_id,
        at=flip.at,
        strategy=flip.strategy,
        symbol=flip.symbol,
        policy_revision=flip.policy_revision,
        quantities=(_decimal(flip.quantity_was), _decimal(flip.quantity_would)),
        codes=flip.codes,
        reasons=flip.reasons,
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
