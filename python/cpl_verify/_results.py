# SPDX-License-Identifier: Apache-2.0

"""Results as NumPy arrays and pandas tables."""

from __future__ import annotations

import csv
import json
import os
import pathlib
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ._inputs import Path
from ._program import run

if TYPE_CHECKING:
    import numpy as np
    import pandas


@dataclass(frozen=True)
class Result:
    """What a command found out about a network.

    Fractions are in [0, 1], radii and distances in units of pixel values in [0, 1] by the Euclidean norm.
    """

    #: What the command prints with --json: the figures in a few lines. Of stored results, `report`.
    summary: dict[str, Any]
    #: Everything that is known, as `report.json` has it.
    report: dict[str, Any]
    #: The names of the tables that the results have, such as "audit", each with its columns.
    tables: dict[str, dict[str, np.ndarray]] = field(repr=False)
    #: The meaning of a column, by the names of its table and itself.
    meanings: dict[tuple[str, str], str] = field(repr=False)

    @property
    def verdict(self) -> str | None:
        """"holds", "unproved", "violated" or "inconclusive"; None where nothing was put to the test."""
        return self.report["verdict"]

    @property
    def headline(self) -> str:
        """The verdict and the figures that go with it, in one sentence."""
        return self.report["headline"]

    @property
    def notices(self) -> list[str]:
        """What a reader must know before any number."""
        return [notice["text"] for notice in self.report["notices"] or []]

    def table(self, name: str) -> dict[str, np.ndarray]:
        """A table's columns by their names; a number that is missing is NaN.

        :raises KeyError: for a table that these results do not have; the message lists those they have.
        """
        if name not in self.tables:
            raise KeyError(f"no table '{name}': there are {', '.join(sorted(self.tables))}")
        return self.tables[name]

    def frame(self, name: str) -> pandas.DataFrame:
        """The same as a pandas table; needs pandas."""
        import pandas

        return pandas.DataFrame(self.table(name))


def load_results(path: Path) -> Result:
    """Reads results that a command kept with `--out`, or `out=`.

    :raises Error: for a file that is missing or is not what it should be.
    """
    with tempfile.TemporaryDirectory(prefix="cpl-verify-") as scratch:
        pages = pathlib.Path(scratch) / "pages"
        # Its exit code is the verdict's, which the report tells.
        _, text = run(["report", os.fspath(path), "--out", str(pages), "--csv", "--json"])
        report = json.loads(text)
        units, meanings = {}, {}
        for row in _rows(pages / "columns.csv"):
            place = (row["file"].removesuffix(".csv"), row["column"])
            units[place], meanings[place] = row["unit"], row["meaning"]
        tables = {}
        for file in sorted(pages.glob("*.csv")):
            name = file.stem
            if name == "columns":
                continue
            rows = _rows(file)
            with open(file, encoding="utf-8", newline="") as stream:
                columns = next(csv.reader(stream))
            tables[name] = {
                column: _column([row[column] for row in rows], units.get((name, column), "text"))
                for column in columns
            }
    return Result(summary=report, report=report, tables=tables, meanings=meanings)


def _rows(file: pathlib.Path) -> list[dict[str, str]]:
    with open(file, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _column(cells: list[str], unit: str) -> np.ndarray:
    import numpy as np

    if unit == "text":
        return np.array(cells, dtype=str)
    if unit in ("count", "ordinal") and all(cells):
        return np.array([int(cell) for cell in cells], dtype=np.int64)
    return np.array([_number(cell) for cell in cells], dtype=np.float64)


def _number(cell: str) -> float:
    """A number as tables have it: empty where it is missing, and a radius also as "36/255"."""
    numerator, _, denominator = cell.partition("/")
    return float(numerator or "nan") / float(denominator or 1)
