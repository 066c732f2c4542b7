"""``cio audit export``: records into a file, for others to look through."""

import gzip
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.progress import Progress

from petrosa_cio.audit.export import CsvWriter, ExportFormat, JsonLinesWriter, RowWriter
from petrosa_cio.audit.export_columns import COLUMNS, RECORD, Column, row_of
from petrosa_cio.audit.search import Asked
from petrosa_cio.cli.audit import audit
from petrosa_cio.cli.audit_find import (
    Codes,
    Decision,
    Fund,
    IntentId,
    Kinds,
    Last,
    Since,
    Trace,
    Until,
    Verdicts,
    query_of,
)
from petrosa_cio.cli.exit_codes import ExitCode
from petrosa_cio.cli.options import OneStrategy, OneSymbol, examples
from petrosa_cio.cli.root import run_async, running_settings
from petrosa_cio.cli.showing import err, show_problem
from petrosa_cio.launch import open_search
from petrosa_cio.ports import RecordQuery
from petrosa_cio.settings import Settings

STDOUT = Path("-")

Writer = Callable[[IO[bytes]], RowWriter]


@audit.command(
    epilog=examples(
        "cio audit export november.csv --from 2026-11-01 --to 2026-12-01",
        "cio audit export denials.jsonl.gz --verdict deny --last 7d",
        "cio audit export year.parquet --from 2026-01-01 --to 2027-01-01 --with-record",
    ),
)
def export(
    file: Annotated[Path, typer.Argument(help="Where to write; - for standard output.")],
    export_format: Annotated[
        ExportFormat | None,
        typer.Option("--format", help="Unset, by the file's ending: .csv, .jsonl, .parquet."),
    ] = None,
    strategy: OneStrategy = None,
    symbol: OneSymbol = None,
    verdict: Verdicts = None,
    code: Codes = None,
    kind: Kinds = None,
    since: Since = None,
    until: Until = None,
    last: Last = None,
    trace: Trace = None,
    intent: IntentId = None,
    decision: Decision = None,
    fund: Fund = None,
    with_record: Annotated[
        bool, typer.Option("--with-record", help="Add each record's own JSON, as journaled.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Write over a file that is there.")
    ] = False,
) -> None:
    """Write records into a file: CSV, JSON Lines or Parquet, in the order of the chain.

    The columns are listed in docs/AUDIT.md; each record has its position and its hash, by which
    it can be compared with the chain. A file that ends in .gz is compressed. It may be as large as
    the record: it is written as it is read. The file is there once it is whole, and not before.
    Exit code 0, also where nothing is found; 1 when the record cannot be read or the file not be
    written, 2 when the search or the file makes no sense.
    """
    chosen = _format_of(file, export_format)
    query = query_of(
        Asked(
            strategy, symbol, tuple(verdict or ()), tuple(code or ()), tuple(kind or ()),
            since, until, trace, intent, decision, fund,
        ),
        last,
    )  # fmt: skip
    columns = (*COLUMNS, RECORD) if with_record else COLUMNS
    writer = _writer(chosen, columns)
    settings = running_settings("mongo_url")
    with replacing(file, force=force) as target:
        written = run_async(_export(settings, query, columns, writer, target))
    where = "" if file == STDOUT else f" are in {file}"
    counted = f"{written:,} {'record' if written == 1 else 'records'}{where}."
    err.print(counted, markup=False, soft_wrap=True)


def _format_of(file: Path, stated: ExportFormat | None) -> ExportFormat:
    ending = file.with_suffix("") if file.suffix == ".gz" else file
    known = {f".{one}": one for one in ExportFormat}
    chosen = stated or known.get(ending.suffix)
    if chosen is None:
        raise typer.BadParameter(f"{file} does not end in {', '.join(known)}: state --format")
    if chosen is ExportFormat.PARQUET and (file == STDOUT or file.suffix == ".gz"):
        raise typer.BadParameter("Parquet is written into a file, and is compressed in itself")
    return chosen


def _writer(chosen: ExportFormat, columns: tuple[Column, ...]) -> Writer:
    """Return what writes a format, or end the command where it is not installed."""
    match chosen:
        case ExportFormat.CSV:
            return lambda file: CsvWriter(file, columns)
        case ExportFormat.JSONL:
            return lambda file: JsonLinesWriter(file, columns)
    try:
        from petrosa_cio.audit.export_parquet import ParquetWriter  # noqa: PLC0415 - an extra
    except ImportError as error:
        show_problem("Parquet needs pyarrow.", "Install it: pip install 'petrosa-cio[parquet]'")
        raise typer.Exit(ExitCode.FAILED) from error
    return lambda file: ParquetWriter(file, columns)


async def _export(
    settings: Settings,
    query: RecordQuery,
    columns: tuple[Column, ...],
    writer: Writer,
    target: IO[bytes],
) -> int:
    written = 0
    async with open_search(settings) as search:
        last, rows = await search.last_position(), writer(target)
        with (
            closing(rows),
            Progress(console=err, transient=True, disable=not err.is_terminal) as progress,
        ):
            task = progress.add_task("writing", total=last)
            async for one in search.walk(query, last=last):
                rows.write(row_of(one, columns))
                written += 1
                progress.update(task, completed=one.seq)
    return written


# --- the file -------------------------------------------------------------------------------------


@contextmanager
def replacing(file: Path, *, force: bool) -> Iterator[IO[bytes]]:
    """Write a file under another name, and give it its own once it is whole.

    Only its owner may read it. Whatever ends the work before leaves no file. Ends the command where
    the file is there and ``force`` does not say to replace it, and where it cannot be written.
    """
    if file == STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    _refuse_to_replace(file, force=force)
    part: Path | None = None
    try:
        number, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)
        part = Path(name)
        with os.fdopen(number, "wb") as target:
            if file.suffix == ".gz":
                with gzip.GzipFile("", "wb", fileobj=target, mtime=0) as packed:
                    yield packed  # type: ignore[misc]  # it is a file of bytes
            else:
                yield target
            target.flush()
            os.fsync(target.fileno())
        _refuse_to_replace(file, force=force)
        part.replace(file)
    except OSError as error:
        show_problem(f"{file} cannot be written.", str(error))
        raise typer.Exit(ExitCode.FAILED) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _refuse_to_replace(file: Path, *, force: bool) -> None:
    if file.exists() and not force:
        show_problem(f"{file} is there already.", "Name another file, or say --force.")
        raise typer.Exit(ExitCode.REFUSED)
