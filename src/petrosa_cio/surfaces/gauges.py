"""What the control role shows of the gates that it hears."""

from prometheus_client import Counter, Gauge

from petrosa_cio.governance.venue_refresh import Refreshed
from petrosa_cio.surfaces.gate_watch import GateWatch

READY = Gauge(
    "cio_gate_ready", "Whether at least one gate decides intents now.",
    multiprocess_mode="mostrecent",
)  # fmt: skip
HEARD = Gauge(
    "cio_gates_heard", "Gates that were heard within three seconds.", multiprocess_mode="mostrecent"
)
VENUE_LOOKS = Counter(
    "cio_venue_rules_refreshes_total",
    "Times the venue was asked for its rules, by what came of it.",
    ["outcome"],
)
for _outcome in Refreshed:
    VENUE_LOOKS.labels(_outcome)


class ControlGauges:
    """Shows whether a gate is ready."""

    def __init__(self, watch: GateWatch) -> None:
        """Take what is known of the gates."""
        self._watch = watch

    async def note(self) -> None:
        """Show how things stand now."""
        READY.set(not self._watch.problems())
        HEARD.set(self._watch.heard_lately)
