"""How a process that is measured says that it serves: as a real gate does, on the same subject."""

import orjson

from petrosa_cio.app import GATE_STATUS
from petrosa_cio.settings import Settings

TELL_EVERY_S = 0.2


def ready(settings: Settings) -> tuple[str, bytes]:
    """Return the message that says so."""
    return GATE_STATUS, orjson.dumps({"replica": settings.replica})
