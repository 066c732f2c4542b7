"""The settings of the neighbours, for CLI, HTTP and MCP alike: look at them, and change them.

What tightens is sent at once. What loosens, or may, waits for two people, as a loosening of the
policy does (`petrosa_cio.governance.fleet_proposals`). What a change achieved is said as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from petrosa_cio.errors import CioError, Misconfigured, Problem, SettingRejected
from petrosa_cio.fleet.analysis import Analysis, Subject
from petrosa_cio.fleet.neighbour import (
    Neighbour,
    Offer,
    PastChange,
    Reading,
    Settings,
    SettingsOf,
    Target,
)
from petrosa_cio.fleet.setting_facts import SettingFacts
from petrosa_cio.governance.actors import Actor
from petrosa_cio.governance.authority import Act, check_may, needs_approval
from petrosa_cio.governance.fleet_judgement import Judged, judge, whole
from petrosa_cio.governance.fleet_outcome import Report
from petrosa_cio.governance.fleet_proposals import FleetProposals
from petrosa_cio.governance.fleet_sender import FleetSender, Planned
from petrosa_cio.governance.refusals import Refusals
from petrosa_cio.governance.thought import check_thought
from petrosa_cio.ports import Proposal
from petrosa_cio.risk.limit_kinds import Change

LOOKED_BACK: Final = 100

URL_FIELDS: Final = {
    Neighbour.TRADEENGINE: "CIO_TRADEENGINE_URL",
    Neighbour.TA_BOT: "CIO_TA_BOT_URL",
    Neighbour.REALTIME: "CIO_REALTIME_STRATEGIES_URL",
}
"""The setting that says where each neighbour is."""


class AnalysisSource(Protocol):
    """Tells the data-manager's analysis."""

    async def of(self, subject: Subject, about: str) -> Analysis:
        """Return what it says. Raises NeighbourSilent or NeighbourRefused."""


@dataclass(frozen=True, slots=True)
class Discovered:
    """What can be set at one neighbour.

    Attributes:
        neighbour: The neighbour.
        offers: What has settings there.
        problem: Why it is not known, if so.
    """

    neighbour: Neighbour
    offers: tuple[Offer, ...]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of a change that somebody asked for.

    Attributes:
        judged: What it would change, setting by setting.
        change: What all of it does to what is risked.
        report: What it achieved; None where it waits.
        proposal: The proposal that waits for people; None where it was sent.
        unrecorded: Why the proposal could not be recorded, if so.
    """

    judged: tuple[Judged, ...]
    change: Change
    report: Report | None = None
    proposal: Proposal | None = None
    unrecorded: str | None = None


class FleetConfiguration:
    """The settings of all neighbours.

    Every method that asks a neighbour raises `NeighbourSilent` or `NeighbourRefused` where that
    gives no answer, and `Misconfigured` where nobody said where it is.
    """

    def __init__(
        self,
        neighbours: Mapping[Neighbour, SettingsOf],
        analysis: AnalysisSource | None,
        sender: FleetSender,
        proposals: FleetProposals,
        refusals: Refusals,
    ) -> None:
        """Take the ways to the neighbours, what sends changes, what keeps proposals, and records.

        Args:
            neighbours: Those that are known to be somewhere.
            analysis: The data-manager's, if it is known where it is.
            sender: Sends changes.
            proposals: Keeps what waits for people.
            refusals: Records what is refused.
        """
        self._neighbours = neighbours
        self._analysis = analysis
        self._sender = sender
        self._refusals = refusals
        self.proposals = proposals

    async def discover(self) -> list[Discovered]:
        """Return what can be set at every neighbour; one that does not answer is said to."""
        return [await self._discovered(neighbour) for neighbour in Neighbour]

    async def _discovered(self, neighbour: Neighbour) -> Discovered:
        try:
            return Discovered(neighbour, tuple(await self._at(neighbour).offers()))
        except CioError as fault:
            return Discovered(neighbour, (), str(fault))

    def facts(self, target: Target) -> Mapping[str, SettingFacts]:
        """Return what is known of a target's settings, by name. Raises SettingRejected."""
        return self._at(target.neighbour).facts(target)

    async def read(self, target: Target) -> Reading:
        """Return the settings of a target. Raises SettingRejected if there is none."""
        return await self._at(target.neighbour).read(target)

    async def history(self, target: Target, *, limit: int = 20) -> list[PastChange]:
        """Return the newest changes that a neighbour remembers, the newest first."""
        return await self._at(target.neighbour).history(target, limit)

    async def analysis(self, subject: Subject, about: str) -> Analysis:
        """Return what the data-manager says of a subject."""
        if self._analysis is None:
            raise _nowhere("data-manager", "CIO_DATA_MANAGER_URL")
        return await self._analysis.of(subject, about)

    async def change(self, actor: Actor, target: Target, wanted: Settings, thought: str) -> Asked:
        """Send a change if it only tightens, else let it wait for people.

        Args:
            actor: Who asks.
            target: Whose settings.
            wanted: The settings, by name.
            thought: Why.

        Raises:
            NotAllowed: The actor may not.
            ThoughtRejected: The thought is none.
            SettingRejected: It cannot be set, or nothing would change.
            TooSoon: The neighbour would refuse it by now.
            Unavailable: It could not be recorded, or Redis or MongoDB is away; nothing was sent.
        """
        async with self._refusals.recorded(actor.name, f"set {', '.join(wanted)} of {target}"):
            check_may(actor, Act.PROPOSE)
            check_thought(thought)
            return await self._asked(actor, await self._planned(target, wanted), thought)

    async def roll_back(self, actor: Actor, target: Target, to: str | None, thought: str) -> Asked:
        """Set what the neighbour's history says was stored after a change, or before the last one.

        The neighbours' own ways to roll back do not say beforehand what they would set, so they are
        not used.

        Args:
            actor: Who asks.
            target: Whose settings.
            to: Version or name of the change whose result is wanted; None to undo the newest.
            thought: Why.

        Raises:
            SettingRejected: The history does not tell what was stored then. Else as `change`.
        """
        async with self._refusals.recorded(actor.name, f"roll back {target} to {to or 'before'}"):
            check_may(actor, Act.PROPOSE)
            check_thought(thought)
            wanted = _content(await self.history(target, limit=LOOKED_BACK), to)
            planned = await self._planned(target, wanted, replaces=True)
            return await self._asked(actor, planned, thought)

    async def _planned(
        self, target: Target, wanted: Settings, *, replaces: bool = False
    ) -> Planned:
        reading, facts = await self.read(target), self.facts(target)
        judged = judge(facts, reading, wanted)
        if reading.stored is None:
            return Planned(target, judged, dict(wanted), replaces)
        drops = tuple(sorted(reading.stored.keys() - wanted.keys())) if replaces else ()
        kept = {} if replaces else dict(reading.stored)
        return Planned(target, judged, kept | dict(wanted), replaces, drops)

    async def _asked(self, actor: Actor, planned: Planned, thought: str) -> Asked:
        # What is stored no more falls back to a default, which may be looser.
        change = Change.MIXED if planned.drops else whole(planned.judged)
        if needs_approval(change):
            proposal, unrecorded = await self.proposals.propose(actor, planned, thought)
            return Asked(planned.judged, change, proposal=proposal, unrecorded=unrecorded)
        check_may(actor, Act.TIGHTEN)
        await self._sender.admit(planned.target, actor.name)
        report = await self._sender.send(planned, author=actor.name, thought=thought)
        return Asked(planned.judged, change, report)

    async def apply(self, actor: Actor, called: str) -> Report:
        """Send a change that people approved, once.

        Args:
            actor: Who says that it may be sent now.
            called: Name of the proposal, or the beginning of it.

        Raises:
            NotAllowed: The actor may not, or it is not approved, was used before or changed, or the
                neighbour shows other values than when it was proposed.
        """
        async with self._refusals.recorded(actor.name, f"apply fleet proposal {called}"):
            check_may(actor, Act.ACTIVATE)
            proposed = await self.proposals.approved(called)
            planned = await self._planned(
                proposed.target, proposed.settings, replaces=proposed.replaces
            )
            proposed.check_still_meant(planned)
            await self._sender.admit(planned.target, proposed.author)
            await self.proposals.use(proposed.proposal_id, by=actor)
            return await self._sender.send(
                planned, author=proposed.author, thought=proposed.thought
            )

    def _at(self, neighbour: Neighbour) -> SettingsOf:
        if neighbour not in self._neighbours:
            raise _nowhere(neighbour, URL_FIELDS[neighbour])
        return self._neighbours[neighbour]


def _nowhere(name: str, field: str) -> Misconfigured:
    mend = "Set it as http://host:8000."
    return Misconfigured([Problem(field, f"nobody said where {name} is", mend)])


def _content(history: list[PastChange], to: str | None) -> Settings:
    if not history:
        raise SettingRejected(["its history is empty: there is nothing to go back to"])
    if to is None:
        content = history[0].before
    else:
        called = [one for one in history if to in (one.change_id, str(one.version))]
        if len(called) != 1:
            seen = "no change" if not called else f"{len(called)} changes"
            raise SettingRejected([f"its history tells of {seen} called {to}"])
        content = called[0].after
    if not content:
        raise SettingRejected(["its history does not tell what was stored then, or nothing was"])
    return content
