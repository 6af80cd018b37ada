"""Compares the rows that ilk reads of CSV files in made-up dialects with what DuckDB, pyarrow and
Python's csv read of them, told the dialect; ilk is told nothing but the columns.

    python dialects.py ILK [--files N] [--seed N]

A third of the files also hold damaged lines: of those ilk is to give the sound rows and nothing else.
Prints a line per mismatch and ends with `N passed, N failed`.
"""

import argparse
import csv
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.csv

WORDS = ["tea", "käse", "Earl Grey", "half & half", "x", "12-B", "naïve café", "o'clock", "a.b", "日本"]


@dataclass
class Dialect:
    """How a file is written."""

    delimiter: str
    quoting: int
    escape: bool
    end: str
    columns: int

    def field(self, text: str, rng: random.Random) -> str:
        must = any(part in text for part in (self.delimiter, '"', "\n", "\r"))
        if self.quoting == csv.QUOTE_ALL or must or (self.escape and "\\" in text):
            inner = text.replace("\\", "\\\\").replace('"', '\\"') if self.escape else text.replace('"', '""')
            return f'"{inner}"'
        return text


def make(rng: random.Random) -> tuple[Dialect, list[list[str]]]:
    """Makes up a dialect, and rows for it: users, items, a count, and more columns of text."""
    dialect = Dialect(
        delimiter=rng.choice([",", ";", "\t", "|", "^", "~", ":"]),
        quoting=rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        escape=rng.random() < 0.25,
        end=rng.choice(["\n", "\r\n"]),
        columns=rng.randint(3, 7),
    )

    def word() -> str:
        text = rng.choice(WORDS)
        if rng.random() < 0.1:
            text += rng.choice([dialect.delimiter, '"', ', "x"', "\nand more"])
        return text

    rows = [
        [f"user {rng.randint(1, 40)}", str(rng.randint(1, 30)), str(rng.randint(1, 9))]
        + [word() for _ in range(dialect.columns - 3)]
        for _ in range(rng.randint(30, 400))
    ]
    return dialect, rows


def damage(dialect: Dialect, rng: random.Random) -> str:
    """Makes up a line that is no record."""
    cells = ["d"] * dialect.columns
    kind = rng.randint(0, 4)
    if kind == 0:
        return dialect.delimiter.join(cells[:-1])
    if kind == 1:
        return dialect.delimiter.join([*cells, "d"])
    if kind == 2:
        return dialect.delimiter.join(['"d" x', *cells[1:]])
    if kind == 3:
        return dialect.delimiter.join(['d"d', *cells[1:]])
    return "the end"


def write(path: Path, dialect: Dialect, rows: list[list[str]], rng: random.Random, damaged: bool) -> None:
    header = ["user", "item", "count", *(f"more_{n}" for n in range(dialect.columns - 3))]
    lines = [dialect.delimiter.join(header)]
    for row in rows:
        lines.append(dialect.delimiter.join(dialect.field(cell, rng) for cell in row))
        if damaged and rng.random() < 0.02:
            lines.append(damage(dialect, rng))
    path.write_text(dialect.end.join(lines) + dialect.end, newline="")


def flags(dialect: Dialect) -> tuple[str, ...]:
    quote = "none" if dialect.quoting == csv.QUOTE_NONE else '"'
    escape = "\\" if dialect.escape else "none"
    return ("--delimiter", dialect.delimiter, "--quote", quote, "--escape", escape)


def of_ilk(program: str, path: Path, out: Path, extra: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    command = [program, "sample", str(path), "--user", "user", "--item", "item", "--rate", "100%"]
    command += list(extra)
    command += ["--max-bad-rows", "50%", "--quiet", "--overwrite", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    with out.open(newline="") as file:
        return [(row["user"], row["item"]) for row in csv.DictReader(file)]


def of_duckdb(path: Path, dialect: Dialect) -> list[tuple[str, str]]:
    escape = "\\" if dialect.escape else '"'
    rows = duckdb.sql(
        f"""SELECT "user", item FROM read_csv('{path}', delim='{dialect.delimiter}', quote='"',
        escape='{escape}', header=true, all_varchar=true, strict_mode=true, auto_detect=false,
        parallel=false, columns={{{", ".join(f"'{name}': 'VARCHAR'" for name in names(dialect))}}})"""
    )
    return rows.fetchall()


def names(dialect: Dialect) -> list[str]:
    return ["user", "item", "count", *(f"more_{n}" for n in range(dialect.columns - 3))]


def of_pyarrow(path: Path, dialect: Dialect) -> list[tuple[str, str]]:
    table = pyarrow.csv.read_csv(
        path,
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=dialect.delimiter,
            escape_char="\\" if dialect.escape else False,
            double_quote=not dialect.escape,
            newlines_in_values=True,
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={name: "string" for name in names(dialect)}
        ),
    )
    return list(zip(table["user"].to_pylist(), table["item"].to_pylist()))


def of_python(path: Path, dialect: Dialect) -> list[tuple[str, str]]:
    with path.open(newline="") as file:
        reader = csv.DictReader(
            file,
            delimiter=dialect.delimiter,
            escapechar="\\" if dialect.escape else None,
            doublequote=not dialect.escape,
        )
        return [(row["user"], row["item"]) for row in reader]


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("ilk")
    arguments.add_argument("--files", type=int, default=60)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    rng = random.Random(given.seed)
    passed = failed = asked = 0

    def check(what: str, found: list, expected: list) -> None:
        nonlocal passed, failed
        if found == expected:
            passed += 1
            return
        failed += 1
        print(f"{what}: {len(found)} rows, expected {len(expected)}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.files):
            dialect, rows = make(rng)
            damaged = number % 3 == 0
            path = Path(folder) / f"{number}.csv"
            write(path, dialect, rows, rng, damaged)
            expected = [(row[0], row[1]) for row in rows]
            what = f"file {number} ({dialect})"
            out = Path(folder) / "out.csv"
            try:
                try:
                    found = of_ilk(given.ilk, path, out)
                except RuntimeError as error:
                    # A file that can be read in two ways is refused: the flags it names settle it.
                    if "give --delimiter, --quote and --escape" not in " ".join(str(error).split()):
                        raise
                    asked += 1
                    found = of_ilk(given.ilk, path, out, flags(dialect))
                check(f"{what}, ilk", found, expected)
            except RuntimeError as error:
                failed += 1
                print(f"{what}: {error}", flush=True)
            if not damaged:
                check(f"{what}, DuckDB", of_duckdb(path, dialect), expected)
                check(f"{what}, pyarrow", of_pyarrow(path, dialect), expected)
                check(f"{what}, Python", of_python(path, dialect), expected)
    if asked > given.files // 10:
        failed += 1
        print(f"{asked} of {given.files} files were not told apart", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
