"""Recorded intents as a past of their own: decided first under one policy, then under another."""

from dataclasses import dataclass
from pathlib import Path

import orjson
from rich.progress import Progress

from petrosa_cio.audit.record import Change, RecordKind, change_record
from petrosa_cio.audit.record_file import RecordFile
from petrosa_cio.cli.durations import duration_of
from petrosa_cio.cli.root import settings_of_environment
from petrosa_cio.cli.send import read_intents
from petrosa_cio.cli.showing import err
from petrosa_cio.fleet.recordings import RecordedIntent
from petrosa_cio.governance.desk import charter_change_id, policy_change_id
from petrosa_cio.governance.files import load_governing
from petrosa_cio.launch import rehearsal_ledger
from petrosa_cio.nurse.rehearsal import FUND, Rehearsal, Scene, SimulatedClock, at_once
from petrosa_cio.risk.policy import PolicyDocument, canonical_json, document_hash
from petrosa_cio.servers import clock


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """Recorded intents, and the policy under which they are decided first.

    Attributes:
        intents: The intents.
        scene: What they meet.
        about: What this is, in words.
    """

    intents: list[RecordedIntent]
    scene: Scene
    about: str

    async def kept(self) -> RecordFile:
        """Decide them, and return what a gate would have recorded."""
        scene, kept = self.scene, RecordFile()
        start = next((sent_at for one in self.intents if (sent_at := one.sent_at)), clock())
        simulated = SimulatedClock(start)
        ledger = await rehearsal_ledger(simulated.epoch_ms, scene.document)
        rehearsal = Rehearsal(scene, ledger, simulated)
        with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
            task = progress.add_task("rehearsing", total=len(self.intents))
            for batch in at_once(self.intents):
                for line in await rehearsal.record(batch):
                    is_verdict = orjson.loads(line)["kind"] == RecordKind.VERDICT
                    (kept.verdicts if is_verdict else kept.later).append(line)
                progress.advance(task, len(batch.intents))
        return self._with_changes(kept)

    def _with_changes(self, kept: RecordFile) -> RecordFile:
        """Add what governed, as it is recorded of a gate."""
        charter, document = self.scene.charter, self.scene.document
        charter_hash = document_hash(charter)
        for change_id, subject, scope, governed in (
            (charter_change_id(FUND, charter_hash), "charter", charter_hash, charter),
            (policy_change_id(FUND, 1), "policy", "1", document),
        ):
            change = Change(subject, scope, canonical_json(governed).decode(), "", "a rehearsal")
            kept.changes[change_id] = change_record(change_id, change, at=clock(), fund=FUND)
        return kept


def rehearsed(
    intents: Path | None, against: Path | None, charter: Path | None, closes_after: str | None
) -> Rehearsed | None:
    """Return the intents of a file with the policy that they meet first; None without a file.

    Raises:
        Misconfigured: Policy or charter are not as they must be.
    """
    if intents is None:
        return None
    settings = settings_of_environment()
    governing = load_governing(against or settings.policy_file, charter or settings.charter_file)
    scene = Scene(
        document=PolicyDocument(policy=governing.first_policy),
        charter=governing.charter,
        max_bytes=settings.max_intent_bytes,
        closes_after=duration_of(closes_after) if closes_after else None,
    )
    about = f"{intents.name}, decided first under {governing.first_policy.name}"
    return Rehearsed(read_intents(intents), scene, about)
