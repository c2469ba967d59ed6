"""Rows as a table on a terminal, as lines in a pipe, or as CSV."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence

from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import csv_cell


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write rows as a table on a terminal, as tab-separated lines elsewhere."""
    if sys.stdout.isatty():
        print_table(columns, rows)
    else:
        print_lines(rows)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table for people; a column whose name begins with `>` stands to the right.

    Long cells go on in the next line, none is cut short. NO_COLOR is obeyed.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        right = column.startswith(">")
        style = "cyan" if right else None
        table.add_column(
            column.removeprefix(">"),
            justify="right" if right else "left",
            style=style,
            overflow="fold",
            no_wrap=False,
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(highlight=False).print(table)


def print_lines(rows: Iterable[Sequence[object]]) -> None:
    """Write tab-separated lines without colour, never cut short. Cells are quoted already."""
    for row in rows:
        sys.stdout.write("\t".join(map(str, row)) + "\n")


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write CSV (RFC 4180, but for lines that end with LF) with a header."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([csv_cell(value) for value in row])


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Write names and values below each other."""
    known = [(name, quoted(str(value))) for name, value in facts]
    if sys.stdout.isatty():
        print_table(["", ""], known)
    else:
        print_lines(known)
