"""Who is let in: a token that counts, a role that may, and not too often.

A token that was believed is believed for `BELIEVED_S` without asking again, so a revocation is
heeded within that. While MongoDB is away nobody is believed, but for one thing: to stop must never
wait for anything but Redis, so a token that was believed within `HALT_BELIEVED_S` may still halt.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from petrosa_cio.errors import CioError, NotKnown, TooMany, Unavailable
from petrosa_cio.governance.actors import Actor
from petrosa_cio.governance.authority import MAY, Act, check_may
from petrosa_cio.governance.refusals import Refusals
from petrosa_cio.governance.tokens import UNKNOWN, Tokens, actor_of, hash_of
from petrosa_cio.ports import TokenEntry
from petrosa_cio.surfaces.api.rates import Rates

BELIEVED_S: Final = 2.0
HALT_BELIEVED_S: Final = 3600.0
MOST_BELIEVED: Final = 1024

FAILURES_PER_MINUTE: Final = 10
"""Failed attempts of one address that are recorded; of all addresses six times as many."""

SCHEME: Final = "bearer "
EVERYBODY: Final = "everybody"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls.

    Attributes:
        actor: Who it is.
        token_id: By which token.
        expires_at: Until when the token counts; None for ever.
    """

    actor: Actor
    token_id: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Pace:
    """How often one token may ask in a minute: questions, and changes."""

    questions: int
    changes: int


class Admission:
    """Lets callers in."""

    def __init__(
        self,
        tokens: Tokens,
        refusals: Refusals,
        pace: Pace,
        *,
        monotonic: Callable[[], float],
        clock: Callable[[], datetime],
        way: str = "HTTP",
    ) -> None:
        """Take who knows tokens and records refusals, the pace, both clocks, and how they come."""
        self._tokens = tokens
        self._refusals = refusals
        self._pace = pace
        self._monotonic = monotonic
        self._clock = clock
        self._way = way
        self._rates = Rates(monotonic)
        self._believed: OrderedDict[str, tuple[Caller, float]] = OrderedDict()

    async def admit(self, authorization: str | None, address: str, act: Act, what: str) -> Caller:
        """Return who calls, who may do this now.

        Args:
            authorization: The header of that name, as it came.
            address: Where the call comes from.
            act: What the call takes.
            what: The call, in words, for the record of a refusal.

        Raises:
            NotKnown: No token, or none that counts; that is recorded, the token not.
            NotAllowed: The role may not; that is recorded.
            TooMany: Too often.
            Unavailable: MongoDB is away.
        """
        caller = await self._known(authorization, address, act)
        self._pay(caller, act)
        async with self._refusals.recorded(caller.actor.name, what):
            check_may(caller.actor, act)
        return caller

    async def know(self, authorization: str | None, address: str) -> None:
        """Let pass whoever may at least halt or look; what they want is admitted on its own.

        Raises:
            NotKnown, TooMany or Unavailable: As `admit`.
        """
        await self._known(authorization, address, Act.HALT)

    async def still_counts(self, authorization: str | None, act: Act) -> bool:
        """Return whether a token that let somebody in would still do so; nothing is recorded.

        Raises:
            Unavailable: MongoDB is away.
        """
        caller = await self._caller(_token_in(authorization), act)
        return caller is not None and caller.actor.role in MAY[act]

    async def _known(self, authorization: str | None, address: str, act: Act) -> Caller:
        token = _token_in(authorization)
        caller = await self._caller(token, act) if token else None
        if caller is None:
            is_stated = bool((authorization or "").strip())
            attempt = "show a token that does not count" if is_stated else "ask without a token"
            raise await self._unknown(f"{attempt}, over {self._way} from {address}", address)
        return caller

    async def _caller(self, token: str, act: Act) -> Caller | None:
        digest, now = hash_of(token), self._monotonic()
        known, at = self._believed.get(digest, (None, 0.0))
        if known is not None and self._has_ended(known):
            known = None
        if known is not None and now - at < BELIEVED_S:
            return known
        try:
            entry = await self._tokens.entry_that_counts(token)
        except Unavailable:
            if known is not None and act is Act.HALT and now - at < HALT_BELIEVED_S:
                return known
            raise
        return self._remember(digest, entry, now)

    def _remember(self, digest: str, entry: TokenEntry | None, now: float) -> Caller | None:
        self._believed.pop(digest, None)
        if entry is None:
            return None
        caller = Caller(actor_of(entry), entry.token_id, entry.expires_at)
        self._believed[digest] = (caller, now)
        if len(self._believed) > MOST_BELIEVED:
            self._believed.popitem(last=False)
        return caller

    def _has_ended(self, caller: Caller) -> bool:
        return caller.expires_at is not None and self._clock() >= caller.expires_at

    async def _unknown(self, attempt: str, address: str) -> CioError:
        """Return why somebody whom nobody knows is refused; record it, unless too often."""
        wait_s = max(
            self._rates.wait_s("failed", address, FAILURES_PER_MINUTE),
            self._rates.wait_s("failed", EVERYBODY, FAILURES_PER_MINUTE * 6),
        )
        if wait_s:
            return TooMany("too many attempts without a token that counts", retry_after_s=wait_s)
        refused = NotKnown("show a token that counts, as `Authorization: Bearer cio_...`")
        await self._refusals.note(UNKNOWN, attempt, refused)
        return refused

    def _pay(self, caller: Caller, act: Act) -> None:
        kind = {Act.LOOK: "questions", Act.HALT: "halts"}.get(act, "changes")
        most = self._pace.questions if act is Act.LOOK else self._pace.changes
        wait_s = self._rates.wait_s(kind, caller.token_id, most)
        if wait_s:
            raise TooMany(f"at most {most} {kind} a minute for a token", retry_after_s=wait_s)


def _token_in(authorization: str | None) -> str:
    """Return the token in a header of that name; empty where there is none."""
    text = (authorization or "").strip()
    return text[len(SCHEME) :].strip() if text[: len(SCHEME)].lower() == SCHEME else ""
