"""The conformance cases as Arrow tables, and results as the program spells them."""

import csv
import pathlib
import tomllib

import numpy
import pyarrow
from ilk_plugin import SimilarityJob

CASES = pathlib.Path(__file__).parents[3] / "conformance"
LISTS = {"only": "only", "exclude": "exclude", "for": "wanted"}


def typed(column: list[str | None], what: str) -> pyarrow.Array:
    """Gives a column of a CSV file the type that its text has."""
    if what == "id":
        numbers = [value for value in column if value is not None]
        if all(value.lstrip("-").isdigit() and str(int(value)) == value for value in numbers):
            values = [None if value is None else int(value) for value in column]
            unsigned = any(value is not None and value >= 1 << 63 for value in values)
            return pyarrow.array(values, pyarrow.uint64() if unsigned else pyarrow.int64())
    if what == "weight":
        return pyarrow.array([number(value) for value in column], pyarrow.float64(), from_pandas=False)
    return pyarrow.array(column, pyarrow.string())


def number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return float("nan")


class Case:
    def __init__(self, folder: pathlib.Path):
        self.name = folder.name
        file = tomllib.loads((folder / "job.toml").read_text())
        (source,) = file["datasource"].values()
        self.job = file["job"]
        lists = {LISTS[name]: self.job.pop(name) for name in LISTS if name in self.job}
        self.request = {name: value for name, value in source.items() if name != "input"}
        self.request["job"] = SimilarityJob(**self.job)
        for name, listed in lists.items():
            self.request[name] = (folder / listed).read_text().split("\n")[:-1]
        with open(folder / source["input"], newline="") as lines:
            header, *rows = csv.reader(lines)
        kinds = {source["user"]: "id", source["item"]: "id", source.get("weight"): "weight"}
        columns = zip(header, zip(*rows), strict=True)
        self.table = pyarrow.table(
            {name: typed([cell or None for cell in cells], kinds.get(name)) for name, cells in columns}
        )
        with open(folder / "expected.csv", newline="") as lines:
            self.columns, *self.expected = csv.reader(lines)


def cells(table: pyarrow.Table) -> list[list[str]]:
    """Spells a table as the program does: floats as short as they can be."""

    def spell(value, kind) -> str:
        if value is None:
            return ""
        if kind == pyarrow.float32():
            text = numpy.format_float_positional(numpy.float32(value), unique=True, trim="-")
            return text
        return str(value)

    columns = [
        [spell(value, column.type) for value in column.to_pylist()] for column in table.columns
    ]
    return [list(row) for row in zip(*columns)]


def every_case():
    cases = [Case(folder) for folder in sorted(CASES.iterdir()) if (folder / "job.toml").exists()]
    assert len(cases) >= 40, len(cases)
    return cases
