"""Where commands find records of the past: in MongoDB, in a file, or in both."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

import typer

from petrosa_cio.audit.record_file import RecordFile, read_record_file
from petrosa_cio.cli.durations import instant_of
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.offline import read_bytes
from petrosa_cio.cli.root import running_settings
from petrosa_cio.cli.showing import show_problem
from petrosa_cio.errors import Misconfigured
from petrosa_cio.launch import open_records
from petrosa_cio.ports import PastRecords
from petrosa_cio.servers import clock

Find = Callable[[str], Awaitable[bytes | None]]
"""Returns the record of a change by its identity, or None."""


def span_of(since: str | None, until: str | None) -> tuple[datetime, datetime] | None:
    """Return the span of time that is asked for; None where none is. Raises BadParameter."""
    if since is None:
        return None
    return instant_of(since), clock() if until is None else instant_of(until)


def records_in(file: Path) -> RecordFile:
    """Return the records in a file, or end the command with what is wrong with it."""
    try:
        return read_record_file(read_bytes(file))
    except ValueError as error:
        show_problem(f"{file} holds no records.", str(error))
        raise typer.Exit(ExitCode.REFUSED) from error


async def store_if_any(closing: AsyncExitStack) -> PastRecords | None:
    """Open the record in MongoDB where the settings name one."""
    try:
        return await closing.enter_async_context(open_records(running_settings("mongo_url")))
    except Misconfigured:
        return None  # the file must do


def either(kept: RecordFile, store: PastRecords | None) -> Find:
    """Return what finds a change in the file, else in the record."""

    async def find(change_id: str) -> bytes | None:
        found = await kept.change(change_id)
        return found if found or store is None else await store.change(change_id)

    return find
