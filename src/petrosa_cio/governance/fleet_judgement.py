"""What a change of a neighbour's settings would do, before anything is sent. Pure.

A setting that is not known, or whose present value is not, counts as one that loosens.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from petrosa_cio.errors import SettingRejected
from petrosa_cio.fleet.neighbour import Reading, Settings
from petrosa_cio.fleet.setting_facts import Reach, SettingFacts, same, shown
from petrosa_cio.risk.limit_kinds import Change

MOST_SETTINGS = 64
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Judged:
    """One setting of a change.

    Attributes:
        name: Its name.
        old: What the neighbour shows now; None where it shows none.
        new: What it is to be.
        change: What that does to what is risked.
        facts: What is known of it; None where nothing is.
    """

    name: str
    old: object
    new: object
    change: Change
    facts: SettingFacts | None


def judge(
    facts: Mapping[str, SettingFacts], reading: Reading, wanted: Settings
) -> tuple[Judged, ...]:
    """Return what a change would do, setting by setting.

    Raises:
        SettingRejected: It cannot be set, or nothing would change; every reason is named.
    """
    problems = [problem for one in wanted.items() if (problem := _problem(facts, *one))]
    if not wanted or len(wanted) > MOST_SETTINGS:
        problems.append(f"state 1 to {MOST_SETTINGS} settings")
    if problems:
        raise SettingRejected(problems)
    judged = tuple(_judged(facts.get(name), name, reading, value) for name, value in wanted.items())
    if all(one.change is Change.EQUAL for one in judged):
        raise SettingRejected([f"nothing changes: {reading.target} shows these values already"])
    return judged


def whole(judged: tuple[Judged, ...]) -> Change:
    """Return what all of a change does to what is risked."""
    found = {one.change for one in judged} - {Change.EQUAL}
    return found.pop() if len(found) == 1 else Change.MIXED


def _judged(facts: SettingFacts | None, name: str, reading: Reading, new: object) -> Judged:
    # What is shown may be older than what is stored, so neither may become looser.
    known = [values[name] for values in (reading.settings, reading.stored or {}) if name in values]
    old = reading.settings.get(name)
    if known and all(same(one, new) for one in known):
        return Judged(name, old, new, Change.EQUAL, facts)
    if facts is None or name not in reading.settings:
        return Judged(name, old, new, Change.LOOSER, facts)
    is_looser = any(facts.compare(one, new) is Change.LOOSER for one in known)
    return Judged(name, old, new, Change.LOOSER if is_looser else Change.TIGHTER, facts)


def _problem(facts: Mapping[str, SettingFacts], name: str, value: object) -> str | None:
    if not _NAME.fullmatch(name):
        return f"{shown(name)} is no name of a setting"
    if value is None:
        return f"{name}: null is refused there; it cannot be unset by a write"
    known = facts.get(name)
    if known is None:
        return None
    if known.reach is Reach.REFUSED:
        return f"{name}: {known.reach}; {known.when_to_change}"
    problem = known.problem_with(value)
    return None if problem is None else f"{name} {problem}"
