"""Revisions of the policy in memory: the twin of `mongo_revisions`."""

from petrosa_cio.ports import PolicyRevision


class MemoryRevisions:
    """Keeps the revisions of one fund, for one process and as long as it lives."""

    def __init__(self) -> None:
        self._revisions: dict[int, PolicyRevision] = {}

    async def newest(self) -> PolicyRevision | None:
        """Return the newest revision, or None where there is none."""
        return self._revisions[max(self._revisions)] if self._revisions else None

    async def revision(self, number: int) -> PolicyRevision | None:
        """Return one revision, or None where there is none of that number."""
        return self._revisions.get(number)

    async def history(self, *, before: int | None = None, limit: int = 50) -> list[PolicyRevision]:
        """Return revisions, the newest first: those below ``before``, at most ``limit``."""
        wanted = [number for number in self._revisions if before is None or number < before]
        return [self._revisions[number] for number in sorted(wanted, reverse=True)[:limit]]

    async def add(self, revision: PolicyRevision) -> bool:
        """Add a revision; return False if one of its number is there."""
        return self._revisions.setdefault(revision.revision, revision) is revision
