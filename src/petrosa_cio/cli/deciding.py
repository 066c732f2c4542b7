"""How people decide about what waits: it is shown, confirmed, and a step is taken by a token."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Protocol, TypeVar

import typer

from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.policy_change import NEED
from petrosa_cio.cli.root import running_settings
from petrosa_cio.cli.showing import show_problem
from petrosa_cio.governance.actors import Actor
from petrosa_cio.government import Government, open_government

Found_co = TypeVar("Found_co", covariant=True)

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask once more.")]


class Decided(Protocol[Found_co]):
    """What keeps what waits. Both methods raise NotAllowed and Unavailable."""

    async def approve(self, actor: Actor, called: str, *, reason: str) -> Found_co:
        """Approve it."""

    async def reject(self, actor: Actor, called: str, *, reason: str) -> Found_co:
        """Reject it."""


def need_confirmed() -> None:
    """Ask whether what was just shown is to be approved. Raises Exit where it is not."""
    if not typer.confirm("Approve exactly this?"):
        show_problem("Nothing was approved.")
        raise typer.Exit(ExitCode.FAILED)


async def stepped(
    keeper: Callable[[Government], Decided[Found_co]],
    called: str,
    reason: str,
    token_file: Path | None,
    *,
    approves: bool,
) -> Found_co:
    """Approve or reject something by the token that is stated; return where it stands then."""
    async with open_government(running_settings(*NEED)) as government:
        actor, kept = await government.who_asks(token_file), keeper(government)
        take = kept.approve if approves else kept.reject
        return await take(actor, called, reason=reason)
