"""Sends a change of a neighbour's settings: recorded, sent once, read back, recorded again.

What is about to be sent stands in the record first: what cannot be recorded is not sent. Where the
record of what became of it is missing, nobody knows, and the record says so by that.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from petrosa_cio.audit.record import Change
from petrosa_cio.errors import (
    NeighbourRefused,
    NeighbourSilent,
    NotAllowed,
    TooSoon,
    Unavailable,
)
from petrosa_cio.fleet.neighbour import Neighbour, Request, Settings, SettingsOf, Target
from petrosa_cio.fleet.setting_rows import on_the_wire
from petrosa_cio.governance.fleet_judgement import Judged
from petrosa_cio.governance.fleet_outcome import Report, Sent, achieved
from petrosa_cio.governance.refusals import Tell
from petrosa_cio.ports import ChangePace

SETTING: Final = "fleet_setting"
OUTCOME: Final = "fleet_outcome"
MOST_OF_A_REASON: Final = 500

PASSES_LIMITS: Final = ("ROLLBACK", "EMERGENCY", "SYSTEM_RECOVERY")
"""Words in a name that switch the neighbours' own rate limits off for whoever bears it."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A change that is ready to be sent.

    Attributes:
        target: Whose settings.
        judged: What changes, setting by setting.
        sent: What is written: with what is stored already, where a write replaces that.
        replaces: Whether what is stored beside what is asked for is given up.
        drops: Settings that are stored now and will be no more.
    """

    target: Target
    judged: tuple[Judged, ...]
    sent: Settings
    replaces: bool = False
    drops: tuple[str, ...] = ()

    @property
    def asked(self) -> dict[str, object]:
        """The settings that are asked for."""
        return {one.name: one.new for one in self.judged}

    @property
    def before(self) -> dict[str, object]:
        """What the neighbour showed of them when this was planned."""
        return {one.name: one.old for one in self.judged}


class FleetSender:
    """Sends changes to the neighbours.

    Args:
        neighbours: The ways to their settings.
        pace: Keeps changes apart.
        tell: Records a change; returns why it could not, if so.
    """

    def __init__(
        self, neighbours: Mapping[Neighbour, SettingsOf], pace: ChangePace, tell: Tell
    ) -> None:
        self._neighbours = neighbours
        self._pace = pace
        self._tell = tell

    async def admit(self, target: Target, author: str) -> None:
        """Count a change against what the neighbour allows its author.

        Raises:
            TooSoon: The neighbour would refuse it, or another change is under way.
            NotAllowed: The author's name would switch the neighbour's limits off.
            Unavailable: Redis is away: then nothing may be sent.
        """
        if any(word in author.upper() for word in PASSES_LIMITS):
            raise NotAllowed(
                f"the name {author} would switch off the rate limits of {target.neighbour}"
            )
        waits_s = await self._pace.take(target.neighbour, author)
        if waits_s:
            raise TooSoon(f"{target.neighbour} was changed a short while ago", waits_s)

    async def send(self, planned: Planned, *, author: str, thought: str) -> Report:
        """Send a change that was admitted, and say what it achieved.

        Raises:
            Unavailable: It could not be recorded, so it was not sent.
            SettingRejected: A number in it cannot be sent; nothing was.
        """
        on_the_wire(planned.sent)
        change_id = uuid4().hex
        told = {
            "change_id": change_id,
            "settings": planned.asked,
            "before": planned.before,
            "drops": planned.drops,
        }
        await self._record_first(planned.target, told, author, thought)
        sent = await self._sent(planned, f"petrosa-cio:{author}", thought)
        effect, why = achieved(planned.judged, sent)
        fault = sent.fault
        waits = fault.retry_after_s if isinstance(fault, NeighbourRefused) else None
        ended = {"change_id": change_id, "effect": effect, "seen": sent.seen}
        reason = "; ".join(why) or effect
        change = Change(OUTCOME, str(planned.target), told_as_json(ended), author, reason)
        unrecorded = await self._tell(change)
        return Report(
            change_id, planned.target, effect, planned.asked, sent.seen, why, waits, unrecorded
        )

    async def _record_first(
        self, target: Target, told: Mapping[str, object], author: str, thought: str
    ) -> None:
        change = Change(SETTING, str(target), told_as_json(told), author, thought)
        unrecorded = await self._tell(change)
        if unrecorded is not None:
            raise Unavailable("record", f"{unrecorded}; so nothing was sent to {target.neighbour}")

    async def _sent(self, planned: Planned, changed_by: str, thought: str) -> Sent:
        neighbour = self._neighbours[planned.target.neighbour]
        request = Request(planned.target, changed_by, " ".join(thought.split())[:MOST_OF_A_REASON])
        fault: NeighbourRefused | NeighbourSilent | None = None
        try:
            await neighbour.write(request, planned.sent)
        except (NeighbourRefused, NeighbourSilent) as met:
            fault = met
        if isinstance(fault, NeighbourSilent) and not fault.may_have_acted:
            return Sent(fault, None)
        try:
            shown = (await neighbour.read(planned.target)).settings
        except (NeighbourRefused, NeighbourSilent) as met:
            return Sent(fault, None, f"it could not be read back: {met}")
        return Sent(fault, {name: shown[name] for name in planned.asked if name in shown})


def told_as_json(told: Mapping[str, object]) -> str:
    """Return what is recorded, as JSON: exact decimals as text."""
    return json.dumps(told, default=str, sort_keys=True, ensure_ascii=False)
