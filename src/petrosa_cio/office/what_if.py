"""What-if for whoever asks from afar: a bounded span of the past under a candidate policy."""

import asyncio
from collections import Counter
from contextlib import aclosing
from datetime import datetime, timedelta

from petrosa_cio import __version__
from petrosa_cio.audit.governing import PastGoverning
from petrosa_cio.errors import QueryRejected
from petrosa_cio.governance.past_documents import PastDocuments
from petrosa_cio.governance.what_if import Findings, FlipKind, WhatIf
from petrosa_cio.governance.what_if.findings import most_first
from petrosa_cio.governance.what_if.order import fates_in_span, recorded_span
from petrosa_cio.governance.what_if.profile import Pair, usd
from petrosa_cio.ports import PastRecords
from petrosa_cio.risk.policy import PolicyDocument
from petrosa_cio.risk.verdict import VerdictKind

LONGEST_SPAN = timedelta(days=7)

MOST_VERDICTS = 5_000
"""Verdicts that are decided again for one question; `cio policy what-if` decides any number."""

AT_ONCE = 20
"""Verdicts that are decided before others get their turn."""


async def what_if(
    records: PastRecords, candidate: PolicyDocument | None, since: datetime, until: datetime
) -> Findings:
    """Return which verdicts of a span of time would have been others.

    Args:
        records: The record.
        candidate: The policy instead; None for the one of then, under which nothing should flip.
        since: Beginning of the span, aware UTC.
        until: Its end.

    Raises:
        QueryRejected: The span is none, is too long, or holds too many verdicts.
        Unavailable: The record is away.
    """
    if not timedelta(0) < until - since <= LONGEST_SPAN:
        raise QueryRejected([f"until: expected a time after since, at most {LONGEST_SPAN.days} d"])
    count = await records.count(since, until)
    if count > MOST_VERDICTS:
        most = f"{MOST_VERDICTS:,} are decided again for one question"
        raise QueryRejected([f"since: the span holds {count:,} verdicts; {most}"])
    governing = PastGoverning(PastDocuments(records.change), instead=candidate)
    fates = await fates_in_span(records, since, until)
    asking, done = WhatIf(governing, fates, code_version=__version__), 0
    async with aclosing(recorded_span(records, since, until)) as lines:
        async for line in lines:
            await asking.decide(line)
            done += 1
            if done % AT_ONCE == 0:
                await asyncio.sleep(0)
    return asking.findings


def what_if_fields(found: Findings) -> dict[str, object]:
    """Return a what-if for a program: numbers, exact amounts as text, times in ISO-8601."""
    profile = found.profile
    return {
        **flips_object(found),
        "highest_usd": {counter: _pair_object(pair) for counter, pair in profile.peaks.items()},
        "most_approvals_per_minute": profile.most_per_minute,
        "profile": profile.points(),
    }


def flips_object(found: Findings) -> dict[str, object]:
    """Return verdicts and flips for a program, without exposure over time."""
    return {
        "first": found.first,
        "last": found.last,
        "decided": found.decided,
        "flipped": found.flipped,
        "verdicts": {
            str(kind): {"was": getattr(found.was, kind), "would": getattr(found.would, kind)}
            for kind in VerdictKind
        },
        "by_kind": _named(found.by_kind),
        **{
            name: {key: _named(kinds) for key, kinds in most_first(getattr(found, name))}
            for name in ("by_code", "by_strategy", "by_symbol", "by_revision")
        },
        "flips": found.flips,
        "other_reasons": found.other_reasons,
        "other_versions": found.other_versions,
        "undecidable": dict(found.undecidable),
    }


def _named(kinds: Counter[FlipKind]) -> dict[str, int]:
    return {one.name.lower(): kinds[one] for one in FlipKind}


def _pair_object(pair: Pair) -> dict[str, str]:
    was, would = usd(pair)
    return {"was": f"{was:f}", "would": f"{would:f}"}
