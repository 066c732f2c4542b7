"""``cio token``: who people and agents are, and what each is trusted with."""

from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from petrosa_cio.cli.durations import duration_of
from petrosa_cio.cli.options import SWITCH, AsJson, TokenFile, examples
from petrosa_cio.cli.policy_change import NEED
from petrosa_cio.cli.root import app, run_async, running_settings
from petrosa_cio.cli.showing import err, out, print_json
from petrosa_cio.cli.switches import Reason, readable, show_unrecorded
from petrosa_cio.governance.actors import Role
from petrosa_cio.governance.authority import Act, check_may
from petrosa_cio.governance.tokens import ListedToken, MadeToken
from petrosa_cio.government import machine_user, open_government, token_text, write_token
from petrosa_cio.office.shown import token_fields
from petrosa_cio.servers import clock

token_app = typer.Typer(
    help="Who people and agents are, and what each is trusted with.", no_args_is_help=True
)
app.add_typer(token_app, name="token", rich_help_panel=SWITCH)


@token_app.command(
    "create",
    epilog=examples(
        "cio token create ada --role admin",
        "cio token create strategist --role agent --expires 30d --out strategist.token",
    ),
)
def token_create(
    name: Annotated[
        str, typer.Argument(help="Whose it is: letters, digits and . _ @ -; one name a person.")
    ],
    role: Annotated[Role, typer.Option(help="What they are trusted with.")],
    expires: Annotated[
        str | None, typer.Option(help="After how long it ends, such as 12h or 30d; unset, never.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Write it to this new file, for its owner alone, instead of showing it."
        ),
    ] = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Make an API token. It is shown once; what is kept is a hash of it.

    It takes an admin's token. The first token of a fund takes none: whoever can reach MongoDB makes
    it, and it is an admin's. Exit code 0 when it is made, 1 when that is refused.
    """
    made = run_async(_made(name, role, expires, token_file))
    if file is not None:
        write_token(file, made.text)
    if as_json:
        shown = token_fields(ListedToken(made.entry, None, counts=True))
        shown |= {} if file else {"token": made.text}
        print_json(shown)
    elif file is None:
        out.print(made.text, markup=False, soft_wrap=True)
        err.print("It is not shown again.")
    else:
        out.print(f"The token {made.entry.token_id} is in {file}.", markup=False)
    if made.unrecorded:
        show_unrecorded(made.unrecorded)


async def _made(name: str, role: Role, expires: str | None, token_file: Path | None) -> MadeToken:
    ends = None if expires is None else clock() + duration_of(expires)
    settings = running_settings(*NEED)
    async with open_government(settings) as government:
        has_token = token_text(settings, token_file) is not None
        is_first = not has_token and not await government.tokens.exist()
        by = None if is_first else await government.who_asks(token_file)
        return await government.tokens.create(
            name, role, by=by, maker=machine_user(), expires_at=ends
        )


@token_app.command("list", epilog=examples("cio token list", "cio token list --json"))
def token_list(token_file: TokenFile = None, as_json: AsJson = False) -> None:
    """Show every token that was made, whose it is, and whether it counts; never the token itself.

    It takes a token of any role. Exit code 0, 1 when that is refused or MongoDB is away.
    """
    found = run_async(_listed(token_file))
    if as_json:
        print_json([token_fields(one) for one in found])
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="cyan")
    for heading in ("token", "name", "role", "made by", "made, UTC", "ends, UTC", "counts"):
        table.add_column(heading, overflow="fold")
    for one in found:
        entry = one.entry
        ends = f"{entry.expires_at:%Y-%m-%d %H:%M}" if entry.expires_at else "-"
        counts = "yes" if one.counts else ("revoked" if one.revocation else "ended")
        made = f"{entry.made_at:%Y-%m-%d %H:%M}"
        cells = (entry.token_id, entry.name, entry.role, entry.made_by, made, ends, counts)
        table.add_row(*map(escape, cells))
    out.print(table)


async def _listed(token_file: Path | None) -> list[ListedToken]:
    async with open_government(running_settings(*NEED)) as government:
        check_may(await government.who_asks(token_file), Act.LOOK)
        return await government.tokens.listed()


@token_app.command(
    "revoke", epilog=examples('cio token revoke 3f9a0c1d2e4b5a67 --reason "ann left"')
)
def token_revoke(
    token_id: Annotated[str, typer.Argument(help="Its short name, as `cio token list` shows it.")],
    reason: Reason,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Let a token count no more, for good. It takes an admin's token.

    The last admin's token that does not end is not revoked. Exit code 0 when it stands, 1 when it
    is refused.
    """
    gone = run_async(_revoked(token_id, readable(reason), token_file))
    if as_json:
        print_json(token_fields(gone))
    else:
        out.print(f"The token {gone.entry.token_id} of {gone.entry.name} is revoked.", markup=False)


async def _revoked(token_id: str, reason: str, token_file: Path | None) -> ListedToken:
    async with open_government(running_settings(*NEED)) as government:
        actor = await government.who_asks(token_file)
        return await government.tokens.revoke(actor, token_id, reason=reason)
