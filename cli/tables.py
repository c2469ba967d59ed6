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

    The last column is as wide as it must be and the terminal breaks its lines: a long path can
    be copied whole. Without any column's name there is no header. NO_COLOR is obeyed.
    """
    from rich.cells import cell_len, set_cell_size
    from rich.console import Console
    from rich.text import Text

    cells = [list(row) for row in rows]
    if not cells:
        return
    names = [column.removeprefix(">") for column in columns]
    if any(names):
        cells.insert(0, names)
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)][:-1]
    console = Console(highlight=False)
    for position, row in enumerate(cells):
        line = Text(style="dim" if position == 0 and any(names) else "")
        for column, width, cell in zip(columns, widths, row, strict=False):
            right = column.startswith(">")
            space = " " * (width - cell_len(cell))
            line.append(space + cell if right else set_cell_size(cell, width))
            if right and position:
                line.stylize("cyan", len(line) - len(space + cell))
            line.append("  ")
        console.print(line.append(row[-1]), soft_wrap=True)


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
