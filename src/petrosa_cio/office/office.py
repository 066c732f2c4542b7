"""The office of a fund: everything that may be asked of it, in one place."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from petrosa_cio.governance.fleet_configuration import FleetConfiguration
from petrosa_cio.governance.overrides import Overrides
from petrosa_cio.governance.refusals import Refusals
from petrosa_cio.governance.shadow import ShadowDesk
from petrosa_cio.governance.tokens import Tokens
from petrosa_cio.office.admissions import Admissions
from petrosa_cio.office.limits import Looked
from petrosa_cio.office.policies import Policies
from petrosa_cio.office.records import Records
from petrosa_cio.office.regimes import Regimes
from petrosa_cio.office.trading import Trading


@dataclass(frozen=True, slots=True)
class Status:
    """How the program is.

    Attributes:
        version: Its version.
        mode: ``enforce`` or ``observe``.
        gates: How many gates are heard.
        problems: Why no gate decides, a sentence each; empty where one does.
        notes: What else is wrong, alike.
    """

    version: str
    mode: str
    gates: int
    problems: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Office:
    """What may be asked of a fund and done for it.

    Attributes:
        fund: The fund.
        policies: The policy, drafts and proposals.
        trading: The kill switch.
        regimes: The market regime.
        records: The record.
        looked: What limits are shown of.
        shadows: Policies that are tried beside the one in force.
        overrides: Limits that people lift for one order.
        fleet: The neighbours' own settings.
        admissions: What strategies are to have.
        tokens: Who people and agents are.
        refusals: Records what is refused.
        status: Says how the program is.
        clock: The time, aware UTC.
    """

    fund: str
    policies: Policies
    trading: Trading
    regimes: Regimes
    records: Records
    looked: Looked
    shadows: ShadowDesk
    overrides: Overrides
    fleet: FleetConfiguration
    admissions: Admissions
    tokens: Tokens
    refusals: Refusals
    status: Callable[[], Status]
    clock: Callable[[], datetime]
