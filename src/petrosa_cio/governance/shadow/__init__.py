"""A candidate policy beside the one in force: decided on what arrives, recorded, never enforced."""

from petrosa_cio.governance.shadow.candidate import Stage
from petrosa_cio.governance.shadow.pages import ShadowReport
from petrosa_cio.governance.shadow.service import Ended, Promoted, Seen, ShadowDesk, Started
from petrosa_cio.governance.shadow.walk import ShadowWalk

__all__ = [
    "Ended",
    "Promoted",
    "Seen",
    "ShadowDesk",
    "ShadowReport",
    "ShadowWalk",
    "Stage",
    "Started",
]
