"""Who asks for a change: a person or an agent, and what it is trusted with."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody is trusted with; `petrosa_cio.governance.authority` says what each may do."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    RISK_OFFICER = "risk_officer"
    AGENT = "agent"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who is known by name.

    Attributes:
        name: Unique among those who act for the fund.
        role: What they are trusted with.
    """

    name: str
    role: Role

    @property
    def is_person(self) -> bool:
        """Agents propose and tighten; what people must decide they never decide alone."""
        return self.role is not Role.AGENT
