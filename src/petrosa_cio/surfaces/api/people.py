"""Routes of who asks and how things are: whoami, tokens, the status, the controls."""

from typing import Any

from petrosa_cio.governance.authority import MAY, Act
from petrosa_cio.governance.tokens import ListedToken
from petrosa_cio.office.controls import controls_shown
from petrosa_cio.office.shown import token_fields
from petrosa_cio.surfaces.api.asked import ReasonBody, TokenBody, TokenName
from petrosa_cio.surfaces.api.envelope import Told
from petrosa_cio.surfaces.api.route import Called, Routes
from petrosa_cio.surfaces.api.told import (
    ControlRow,
    NewToken,
    Page,
    StatusAnswer,
    TokenRow,
    Who,
)

routes = Routes("people")


@routes.get("/whoami", Act.LOOK, Told[Who])
async def whoami(call: Called) -> Any:
    """Say who you are by your token, and what your role may."""
    actor = call.actor
    may = [str(act) for act in Act if actor.role in MAY[act]]
    return call.told(
        {
            "name": actor.name,
            "role": actor.role,
            "token_id": call.caller.token_id,
            "expires_at": call.caller.expires_at,
            "may": may,
        }
    )


@routes.get("/status", Act.LOOK, Told[StatusAnswer])
async def status(call: Called) -> Any:
    """Say how the program is: whether a gate decides, in which state, under which policy."""
    office, now = call.office, call.office.status()
    states = await office.trading.states()
    active = await office.looked.store.active_policy()
    return call.told(
        {
            "fund": office.fund,
            "version": now.version,
            "mode": now.mode,
            "ready": not now.problems,
            "gates": now.gates,
            "problems": now.problems,
            "notes": now.notes,
            "trading_state": states.fund,
            "policy_revision": active.revision if active else None,
        }
    )


@routes.get("/controls", Act.LOOK, Told[Page[ControlRow]])
async def controls(call: Called) -> Any:
    """Return every reason that a verdict can carry: what it means, and which limits it reads."""
    return call.told({"items": list(controls_shown()), "cursor": None})


@routes.get("/tokens", Act.LOOK, Told[Page[TokenRow]])
async def tokens(call: Called) -> Any:
    """List every token that was made, whose it is, and whether it counts; never the token."""
    found = await call.office.tokens.listed()
    return call.told({"items": [token_fields(one) for one in found], "cursor": None})


@routes.post("/tokens", Act.TOKENS, Told[NewToken], status_code=201)
async def create_token(call: Called, body: TokenBody) -> Any:
    """Make an API token. It is told this once; what is kept is a hash of it."""
    made = await call.office.tokens.create(
        body.name, body.role, by=call.actor, maker=call.actor.name, expires_at=body.expires_at
    )
    shown = token_fields(ListedToken(made.entry, None, counts=True))
    return call.told(shown | {"token": made.text, "is_recorded": made.unrecorded is None})


@routes.post("/tokens/{token}/revocations", Act.TOKENS, Told[TokenRow], more=[404], status_code=201)
async def revoke_token(call: Called, token: TokenName, body: ReasonBody) -> Any:
    """Let a token count no more, for good; it is heeded everywhere within two seconds.

    The last admin's token that does not end is not revoked.
    """
    gone = await call.office.tokens.revoke(call.actor, token, reason=body.reason)
    return call.told(token_fields(gone))
