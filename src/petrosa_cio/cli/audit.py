"""``cio audit``: the commands about the record."""

import typer

from petrosa_cio.cli.options import LOOK
from petrosa_cio.cli.root import app

audit = typer.Typer(help="Ask whether the record is complete.", no_args_is_help=True)
app.add_typer(audit, name="audit", rich_help_panel=LOOK)
