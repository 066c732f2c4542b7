"""``cio fleet discover``, ``get``, ``history`` and ``analysis``: look at the neighbours."""

from typing import Annotated

import typer
from rich.markup import escape

from petrosa_cio.cli.fleet_tables import show_discovered, show_history, show_reading
from petrosa_cio.cli.options import LOOK, AsJson, examples
from petrosa_cio.cli.root import app, run_async, running_settings
from petrosa_cio.cli.showing import err, out, print_json
from petrosa_cio.fleet.analysis import Analysis, Subject
from petrosa_cio.fleet.neighbour import PastChange, Reading, parse_target
from petrosa_cio.fleet.setting_facts import SettingFacts
from petrosa_cio.governance.fleet_configuration import Discovered
from petrosa_cio.neighbourhood import open_neighbourhood
from petrosa_cio.office.fleet_shown import (
    analysis_fields,
    discovered_fields,
    history_fields,
    reading_fields,
)

NEED = ("mongo_url", "redis_url")
MOST_ROWS = 100

fleet_app = typer.Typer(
    help="Look at the settings of the order engine and the bots, and change them.",
    no_args_is_help=True,
)
app.add_typer(fleet_app, name="fleet", rich_help_panel=LOOK)

TargetName = Annotated[
    str,
    typer.Argument(
        help="Whose settings: tradeengine, tradeengine/BTCUSDT, tradeengine/BTCUSDT/LONG, ta-bot, "
        "ta-bot/STRATEGY, realtime-strategies/STRATEGY, or one of a strategy's symbols."
    ),
]


@fleet_app.command("discover", epilog=examples("cio fleet discover", "cio fleet discover --json"))
def fleet_discover(as_json: AsJson = False) -> None:
    """Ask every neighbour what can be set there.

    A neighbour that is not stated or does not answer is said to. Exit code 0.
    """
    found = run_async(_discovered())
    if as_json:
        print_json([discovered_fields(one) for one in found])
    else:
        show_discovered(found)


async def _discovered() -> list[Discovered]:
    async with open_neighbourhood(running_settings(*NEED)) as neighbourhood:
        return await neighbourhood.configuration.discover()


@fleet_app.command(
    "get",
    epilog=examples(
        "cio fleet get tradeengine/BTCUSDT", 'cio fleet get "realtime-strategies/iceberg_detector"'
    ),
)
def fleet_get(target: TargetName, as_json: AsJson = False) -> None:
    """Show the settings of a target, which way each risks more, and what a stored value reaches.

    Exit code 0, 1 when there is no such target or the neighbour gives no answer.
    """
    reading, facts = run_async(_read(target))
    if as_json:
        print_json(reading_fields(reading, facts))
    else:
        show_reading(reading, facts)


async def _read(target: str) -> tuple[Reading, dict[str, SettingFacts]]:
    meant = parse_target(target)
    async with open_neighbourhood(running_settings(*NEED)) as neighbourhood:
        reading = await neighbourhood.configuration.read(meant)
        return reading, dict(neighbourhood.configuration.facts(meant))


@fleet_app.command("history", epilog=examples("cio fleet history tradeengine/BTCUSDT"))
def fleet_history(
    target: TargetName,
    limit: Annotated[int, typer.Option(help="Most changes to show.", min=1, max=MOST_ROWS)] = 20,
    as_json: AsJson = False,
) -> None:
    """Show the newest changes that the neighbour itself remembers, whoever made them.

    What was changed from here stands in the record besides: `cio audit find --kind change`. Exit
    code 0, 1 when the neighbour gives no answer.
    """
    found = run_async(_history(target, limit))
    if as_json:
        print_json([history_fields(one) for one in found])
    elif found:
        show_history(found)
    else:
        out.print("It remembers no change.")


async def _history(target: str, limit: int) -> list[PastChange]:
    meant = parse_target(target)
    async with open_neighbourhood(running_settings(*NEED)) as neighbourhood:
        return await neighbourhood.configuration.history(meant, limit=limit)


@fleet_app.command(
    "analysis",
    epilog=examples(
        "cio fleet analysis regime BTCUSDT", "cio fleet analysis correlation BTCUSDT,ETHUSDT"
    ),
)
def fleet_analysis(
    subject: Annotated[Subject, typer.Argument(help="What is analysed.")],
    about: Annotated[
        str, typer.Argument(help="A symbol; several with commas; a strategy for performance.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show what the data-manager says of a symbol or a strategy, with what is to be known of it.

    Exit code 0, 1 when it gives no answer.
    """
    found = run_async(_analysed(subject, about))
    if as_json:
        print_json(analysis_fields(found))
        return
    if found.values is None:
        out.print("It knows nothing of that.")
        return
    print_json(found.values)
    out.print(f"As of {found.at}." if found.at else "It states no time.")
    for note in found.notes:
        err.print(escape(note), style="dim")


async def _analysed(subject: Subject, about: str) -> Analysis:
    async with open_neighbourhood(running_settings(*NEED)) as neighbourhood:
        return await neighbourhood.configuration.analysis(subject, about)
