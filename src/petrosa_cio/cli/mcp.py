"""``cio mcp``: let an agent on this machine use what the command line can do."""

from pathlib import Path

from petrosa_cio.cli.options import RUN, TokenFile, examples
from petrosa_cio.cli.root import app, run_async, running_settings
from petrosa_cio.government import open_government, token_text
from petrosa_cio.settings import Settings

NEED = ("mongo_url", "redis_url")


@app.command(
    "mcp", rich_help_panel=RUN, epilog=examples("cio mcp", "cio mcp --token-file agent.token")
)
def mcp(token_file: TokenFile = None) -> None:
    """Speak the Model Context Protocol over standard input and output, for a client that starts it.

    It does what the token's role may, and nothing more; docs/MCP.md says how a client is set up.
    The same tools are served over HTTP under /api/v1/mcp. Exit code 0 when the input ends, 1 when
    the token does not count or a server is away.
    """
    settings = running_settings(*NEED)
    run_async(_serve(settings, token_file))


async def _serve(settings: Settings, token_file: Path | None) -> None:
    # Imported here: the gate is a command too, and has no use for the web.
    from petrosa_cio.offices import serve_agent  # noqa: PLC0415

    async with open_government(settings) as government:
        await government.who_asks(token_file)
    await serve_agent(settings, token_text(settings, token_file) or "")
