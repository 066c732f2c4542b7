"""What can go wrong, as one small tree.

A denial is not an error: it is a verdict. These are the faults around a decision.

    CioError
    ├── Unavailable          a dependency is away or too slow; trying again may help
    │   ├── LedgerLost       Redis answers, but what it knew is gone
    │   ├── NotInForceYet    a revision is stored, and waits for Redis to go into force
    │   ├── ModelFailed      a language model gave no answer that counts
    │   └── NeighbourSilent  a neighbour's answer is missing, and it may have acted or not
    ├── Rejected             something is not taken, for every reason at once
    │   ├── PolicyRejected       a policy document is invalid or crosses the charter
    │   ├── VenueRulesRejected   what a venue says of its rules cannot be read
    │   ├── OverrideRejected     what is to be lifted for one order cannot be
    │   ├── QueryRejected        a search of the record asks for what cannot be
    │   └── SettingRejected      a neighbour's setting cannot be what it is to be
    ├── ThoughtRejected      the reasoning behind a change is none
    ├── RevisionConflict     a change was made of a revision that is no longer the newest
    ├── NotAllowed           whoever asks may not do that, or may not do it alone
    │   └── NotFound             what is to be acted upon is not there, or not just one
    ├── NeighbourRefused     a neighbour does not do what it was asked to, and says why
    ├── TooSoon              a neighbour's settings may not be changed again so soon
    ├── NotKnown             nobody knows who asks
    ├── TooMany              somebody asks more, or for more, than is answered now
    ├── RecordRefused        what was asked of the record would lose or mix some of it
    ├── RecordUnreadable     a record in the store is not as this program writes them
    └── Misconfigured        the program cannot start as it is set up
        └── AlreadyRunning   another process holds the data folder

Each class has a stable `code` for logs, metrics and answers; the text is for people.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class CioError(Exception):
    """Anything this program raises on purpose."""

    code: ClassVar[str] = "CIO_ERROR"


class Unavailable(CioError):
    """A dependency is away or slow.

    Args:
        dependency: Which one, in one word: `nats`, `redis`, `mongo`, ...
        detail: What was seen, as "expected X, was Y" where that fits.
    """

    code: ClassVar[str] = "UNAVAILABLE"

    def __init__(self, dependency: str, detail: str = "") -> None:
        super().__init__(f"{dependency}: {detail}" if detail else dependency)
        self.dependency = dependency
        self.detail = detail


class LedgerLost(Unavailable):
    """Redis answers but its generation marker is gone: it was emptied or replaced.

    Until the ledger is rebuilt nothing in it can be trusted, least of all its silence.
    """

    code: ClassVar[str] = "LEDGER_LOST"

    def __init__(self, detail: str = "the generation marker is missing") -> None:
        super().__init__("redis", detail)


class NotInForceYet(Unavailable):
    """A revision is stored for good, but Redis is away: it goes into force when Redis is back.

    Args:
        revision: The revision.
        detail: What was seen of Redis.
    """

    code: ClassVar[str] = "NOT_IN_FORCE_YET"

    def __init__(self, revision: int, detail: str) -> None:
        super().__init__("redis", f"revision {revision} is stored and not in force yet: {detail}")
        self.revision = revision


class ModelFailed(Unavailable):
    """A language model gave no answer.

    Args:
        model: Its name.
        kind: What became of the call, in one word: ``timeout``, ``rate_limited``, ``refused``...
        retry_after_s: Seconds after which it may be asked again, where its provider says so.
        detail: What was seen, without anything that its provider said.
    """

    code: ClassVar[str] = "MODEL_FAILED"

    def __init__(
        self, model: str, kind: str, *, retry_after_s: float | None = None, detail: str = ""
    ) -> None:
        super().__init__(model, f"{kind}: {detail}" if detail else kind)
        self.kind = kind
        self.retry_after_s = retry_after_s


class NeighbourSilent(Unavailable):
    """A neighbour gave no answer that can be read, or was not asked, as it gave none before.

    Args:
        neighbour: Its name.
        detail: What was seen.
        may_have_acted: Whether it may have done what it was asked to.
    """

    code: ClassVar[str] = "NEIGHBOUR_SILENT"

    def __init__(self, neighbour: str, detail: str, *, may_have_acted: bool) -> None:
        super().__init__(neighbour, detail)
        self.may_have_acted = may_have_acted


class NeighbourRefused(CioError):
    """A neighbour answers that it does not do what it was asked to.

    Args:
        neighbour: Its name.
        said: The code that it gives.
        words: What it says, in its own words.
        retry_after_s: Seconds after which it may be asked again, where it says so.
    """

    code: ClassVar[str] = "NEIGHBOUR_REFUSED"

    def __init__(
        self, neighbour: str, said: str, words: str, *, retry_after_s: int | None = None
    ) -> None:
        super().__init__(f"{neighbour} refuses: {said}: {words}".rstrip(": "))
        self.neighbour = neighbour
        self.said = said
        self.words = words
        self.retry_after_s = retry_after_s


class TooSoon(CioError):
    """A neighbour's settings may not be changed again so soon; nothing was sent.

    Args:
        why: What keeps it.
        retry_after_s: Seconds after which it may be tried again.
    """

    code: ClassVar[str] = "TOO_SOON"

    def __init__(self, why: str, retry_after_s: int) -> None:
        super().__init__(f"{why}; try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class Rejected(CioError):
    """Something is not taken as it is, for every reason at once.

    Args:
        problems: Every problem found, one sentence each.
    """

    code: ClassVar[str] = "REJECTED"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class PolicyRejected(Rejected):
    """A policy document is invalid or crosses the charter."""

    code: ClassVar[str] = "POLICY_REJECTED"


class SettingRejected(Rejected):
    """A neighbour's setting cannot be what it is to be, or no such thing can be set."""

    code: ClassVar[str] = "SETTING_REJECTED"


class ThoughtRejected(CioError):
    """The reasoning behind a change is none; the text says why."""

    code: ClassVar[str] = "THOUGHT_REJECTED"


class RevisionConflict(CioError):
    """A change was made of a revision that is no longer the newest.

    Args:
        parent: The revision that it was made of; 0 for none.
        newest: The newest one; 0 where there is none.
    """

    code: ClassVar[str] = "REVISION_CONFLICT"

    def __init__(self, parent: int, newest: int) -> None:
        super().__init__(
            f"the change was made of revision {parent}, while revision {newest} is the newest: "
            "look at that one, and make the change anew"
        )
        self.parent = parent
        self.newest = newest


class NotAllowed(CioError):
    """Whoever asks may not do that, or may not do it alone, or not any more.

    Args:
        text: Why not.
        roles: The roles that may, where it is a matter of roles.
        waits: Whether approval by those roles would unlock it.
    """

    code: ClassVar[str] = "NOT_ALLOWED"

    def __init__(self, text: str, *, roles: Sequence[str] = (), waits: bool = False) -> None:
        super().__init__(text)
        self.roles = tuple(roles)
        self.waits = waits


class NotFound(NotAllowed):
    """What is to be acted upon is not there, or its name is not that of just one thing."""

    code: ClassVar[str] = "NOT_FOUND"


class NotKnown(CioError):
    """Nobody knows who asks: no token was shown, or none that counts."""

    code: ClassVar[str] = "NOT_KNOWN"


class TooMany(CioError):
    """Somebody asks more often, or for more at a time, than is answered.

    Args:
        text: What was too much.
        retry_after_s: Seconds after which it may be tried again, whole and at least 1.
    """

    code: ClassVar[str] = "TOO_MANY"

    def __init__(self, text: str, *, retry_after_s: int) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class VenueRulesRejected(Rejected):
    """What a venue says of its rules cannot be read, or cannot be true."""

    code: ClassVar[str] = "VENUE_RULES_REJECTED"


class RecordRefused(CioError):
    """What was asked of the record is not done, as it would lose or mix some of it.

    The text says why, and what helps. Nothing was changed.
    """

    code: ClassVar[str] = "RECORD_REFUSED"


class QueryRejected(Rejected):
    """A search of the record asks for what cannot be, or its cursor is not one of this search."""

    code: ClassVar[str] = "QUERY_REJECTED"


class OverrideRejected(Rejected):
    """What is to be lifted for one order cannot be, or there is no such order."""

    code: ClassVar[str] = "OVERRIDE_REJECTED"


class RecordUnreadable(CioError):
    """A record in the store is not as this program writes them: somebody changed it.

    Args:
        position: Where it stands in the chain, as it says itself.
        detail: What is wrong with it.
    """

    code: ClassVar[str] = "RECORD_UNREADABLE"

    def __init__(self, position: object, detail: str) -> None:
        super().__init__(
            f"record {position} cannot be read ({detail}); `cio audit verify` says what was changed"
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps the program from starting, and how to mend it."""

    field: str
    message: str
    mend: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}. {self.mend}"


class Misconfigured(CioError):
    """The program cannot start as it is set up.

    Args:
        problems: Every problem found, so that one look is enough to mend them all.
    """

    code: ClassVar[str] = "MISCONFIGURED"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class AlreadyRunning(Misconfigured):
    """Another process holds the data folder.

    Args:
        folder: The data folder both want.
        owner: Process id of the holder, or None where it left none.
    """

    code: ClassVar[str] = "ALREADY_RUNNING"

    def __init__(self, folder: str, owner: int | None) -> None:
        who = "another cio run" if owner is None else f"another cio run (pid {owner})"
        super().__init__(
            [Problem("CIO_DATA_DIR", f"{who} uses {folder}", "Stop it or set CIO_DATA_DIR.")]
        )
        self.owner = owner
