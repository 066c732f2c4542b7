"""What would have been decided under another policy: recorded intents, decided again."""

from petrosa_cio.governance.what_if.findings import Findings, Flip, FlipKind
from petrosa_cio.governance.what_if.run import WhatIf

__all__ = ["Findings", "Flip", "FlipKind", "WhatIf"]
