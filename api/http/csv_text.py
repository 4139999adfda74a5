"""Writes CSV that spreadsheets open without running anything in it."""

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""Spreadsheets run a cell that begins like this."""


def csv_lines(rows: Iterable[Sequence[object]]) -> bytes:
    """Return rows as CSV in UTF-8; None is an empty cell."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([_cell(cell) for cell in row] for row in rows)
    return text.getvalue().encode(errors="replace")


def _cell(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula; only text can be one."""
    is_formula = isinstance(cell, str) and cell.lstrip(" ").startswith(_FORMULA_STARTS)
    return f"'{cell}" if is_formula else cell
