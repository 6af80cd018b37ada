"""Reads the damaged CSV files of Pollock, a public benchmark of CSV readers, and counts what became of them.

    python pollock.py ILK FOLDER [--pairs N] [--record FILE] [--verbose]

FOLDER holds `csv`, `clean` and `parameters`, as `polluted_files` of Pollock does, and `survey_sample`, its real
files. Each file is read with nothing but the names of two columns, several pairs of them. Where ilk refuses and names settings, it is
tried again with these, and with the values that `parameters` says. A file is

- complete, if every pair gives all rows but the damaged one, with the right values;
- short, if rows without damage were set aside;
- refused, if ilk refuses again and says why;
- wrong, if a row was read that is neither the file's own nor its repaired one.

Exits with 1 where a file is read wrong, or less than 97 % are complete.
"""

import argparse
import csv
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

PAIRS = [
    ("PRODUCTID", "TIME"),
    ("ProductType", "Price"),
    ("DATE", "ProductDescription"),
    ("URL", "Qty"),
]
AIM = 0.97


@dataclass
class File:
    """One file, and what is known of it."""

    path: Path
    parameters: dict
    columns: list[str]
    # The rows that are sound, and what a damaged row may be repaired to.
    sound: list[list[str]]
    repaired: list[list[str]]


@dataclass
class Outcome:
    """What became of one file."""

    name: str
    verdict: str
    why: str = ""
    flags: list[str] = field(default_factory=list)


def table(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


def read_as_told(path: Path, parameters: dict) -> list[list[str]]:
    """All rows of a file as Python's csv reads them, told the dialect; a second table's are among them."""
    if len(parameters["delimiter"]) != 1:
        return []
    escape = "\\" if parameters["escapechar"] == "\\" else None
    with path.open(newline="", encoding="utf-8") as file:
        quote = parameters["quotechar"] or '"'
        reader = csv.reader(
            file,
            delimiter=parameters["delimiter"],
            quotechar=quote,
            escapechar=escape,
            doublequote=escape is None,
        )
        return [row for row in reader if len(row) == parameters["n_columns"]]


def load(folder: Path, name: str, source: list[list[str]]) -> File:
    """Says which rows of a file are sound: all but the line that the file's name says is damaged."""
    path = folder / "csv" / name
    parameters = json.loads((folder / "parameters" / f"{name}_parameters.json").read_text())
    clean = table(folder / "clean" / name)
    header = 1 if int(parameters["header_lines"]) > 0 else 0
    repaired = clean[header:]
    sound = repaired
    damaged = re.match(r"row_(?:field_delimiter_(\d+)_|.*row(\d+)_col|extra_quote(\d+)_col)", name)
    if damaged:
        number = int(next(group for group in damaged.groups() if group))
        sound = [row for place, row in enumerate(source) if place not in (0, number)]
        # A delimiter or quote too many in the header leaves all rows whole.
        repaired = clean[1:] + source[number : number + 1]
    elif name == "file_escape_char_0x00.csv":
        # Quotes inside of fields, and nothing that says so.
        sound = [row for row in repaired if not any('"' in cell for cell in row)]
    else:
        own = read_as_told(path, parameters)
        repaired = clean[header:] + own
        if name == "file_escape_char_0x5C.csv":
            # What a backslash before another character than a quote means, readers disagree on.
            sound = [row for row in clean[header:] if not any("\\" in cell for cell in row)]
    return File(path, parameters, source[0], sound, repaired)


def load_real(folder: Path, name: str) -> File:
    """A real file: all rows of its clean twin are sound."""
    parameters = json.loads((folder / "parameters" / f"{name}_parameters.json").read_text())
    clean = table(folder / "clean" / name)
    header = 1 if int(parameters["header_lines"]) > 0 else 0
    width = max((len(row) for row in clean), default=0)
    columns = clean[0] if header and clean else [str(place + 1) for place in range(width)]
    rows = [row for row in clean[header:] if len(row) == len(columns)]
    return File(folder / "csv" / name, parameters, columns, rows, rows)


def pairs_of(file: File) -> list[tuple[str, str]]:
    """Pairs of columns that have a name of their own."""
    count = Counter(file.columns)
    named = [name for name in file.columns if name.strip() and count[name] == 1]
    return list(zip(named, named[1:]))[:4]


def settings(message: str, parameters: dict) -> list[str]:
    """The flags that a message names, with what the message says or else the parameters."""
    _, _, help_text = message.partition("give ")
    found: list[str] = []
    known = {
        "--delimiter": parameters["delimiter"] or ",",
        "--quote": parameters["quotechar"] or "none",
        "--escape": "\\" if parameters["escapechar"] == "\\" else "none",
    }
    for flag, value in re.findall(r"(--[a-z-]+)((?: '[^']*'| \"[^\"]*\"| \\?[\w.]+)?)", help_text):
        if flag == "--no-header":
            found.append(flag)
        elif flag == "--skip-lines" and value.strip().isdigit():
            found += [flag, value.strip()]
        elif flag in known:
            found += [flag, known[flag]]
    return found


def pairwise(flags: list[str]) -> list[tuple[str, list[str]]]:
    """Flags with their values, each flag once."""
    found: dict[str, list[str]] = {}
    for place, flag in enumerate(flags):
        if flag.startswith("--"):
            value = flags[place + 1 : place + 2]
            found.setdefault(flag, value if value and not value[0].startswith("--") else [])
    return list(found.items())


class Reader:
    """Runs ilk."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program = program
        self.folder = folder

    def read(self, path: Path, names: tuple[str, str], flags: list[str], rows: str = "1%") -> tuple[list, str]:
        """Returns the rows, or nothing and the message."""
        out = Path(tempfile.mkstemp(suffix=".csv", dir=self.folder)[1])
        command = [self.program, "sample", str(path), "--user", names[0], "--item", names[1]]
        command += ["--rate", "100%", "--max-bad-rows", rows, "--overwrite", "--out", str(out), *flags]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            out.unlink()
            return [], done.stderr.strip() or f"exit {done.returncode}"
        read = table(out)[1:]
        out.unlink()
        return [tuple(row) for row in read], ""


def numbered(columns: list[str], names: tuple[str, str]) -> tuple[str, str]:
    first, second = (str(columns.index(name) + 1) for name in names)
    return first, second


def read_pair(reader: Reader, file: File, names: tuple[str, str]) -> tuple[list, str, list]:
    """Reads two columns as a person would who does what the messages say, twice at most."""
    # That columns have no names, people see.
    flags = [] if int(file.parameters["header_lines"]) > 0 or file.columns[0] != "1" else ["--no-header"]
    asked = names
    message = ""
    rows = "1%"
    for _ in range(3):
        read, message = reader.read(file.path, asked, flags, rows)
        if not message:
            return read, "", flags
        more = settings(message, file.parameters)
        if "--no-header" in more or "--no-header" in flags:
            asked = numbered(file.columns, names)
        flags_before, rows_before = flags, rows
        # What was said before holds.
        for flag, value in pairwise(more):
            if flag not in flags:
                flags = [*flags, flag, *value]
        if re.search(r"--max-bad-rows 100%", message):
            rows = "100%"
        if flags == flags_before and rows == rows_before:
            break
    return [], message, flags


def plain(cell: str) -> str:
    """A cell as IDs are compared: whole numbers without a fraction of zeros, and no spaces around them."""
    number = re.fullmatch(r"\s*(-?\d+(?:\.\d+)?)\s*", cell)
    return re.sub(r"\.0+$", "", number[1]) if number else cell


def judge(reader: Reader, file: File, pairs: list[tuple[str, str]]) -> Outcome:
    name, columns = file.path.name, file.columns
    used: list[str] = []
    for names in pairs:
        places = [columns.index(column) for column in names]
        read, message, flags = read_pair(reader, file, names)
        used = used or flags
        if message:
            verdict = "refused" if file.sound else "nothing to read"
            return Outcome(name, verdict, message.splitlines()[0], flags)
        pick = lambda rows: Counter(tuple(plain(row[place]) for place in places) for row in rows)  # noqa: E731
        wanted = Counter(pair for pair in pick(file.sound).elements() if all(pair))
        found = Counter(tuple(map(plain, pair)) for pair in read if all(pair))
        wrong = set(found) - set(pick(file.sound)) - set(pick(file.repaired))
        if wrong:
            return Outcome(name, "wrong", f"{names}: {sorted(wrong)[:2]}", flags)
        if missing := wanted - found:
            return Outcome(name, "short", f"{names}: {sum(missing.values())} rows, {next(iter(missing))}", flags)
        # Of a second table with the same columns the rows are there twice, as people may want them.
        extra = pick(file.repaired) if "multitable" in name else Counter(pick(file.repaired).keys())
        if found - wanted - extra:
            return Outcome(name, "wrong", f"{names}: rows twice", flags)
    return Outcome(name, "complete", "", used)


def kind(name: str) -> str:
    return re.sub(r"\d+", "N", re.sub(r"0x[0-9A-F]+(_0x[0-9A-F]+)?", "X", name)) if name.startswith("row") else "file"


def report(outcomes: list[Outcome], given: argparse.Namespace) -> str:
    count = Counter(outcome.verdict for outcome in outcomes)
    verdicts = ["complete", "short", "refused", "nothing to read", "wrong"]
    kinds = sorted({kind(outcome.name) for outcome in outcomes})
    text = [f"# {len(outcomes):,} damaged CSV files", ""]
    text += [
        f"{datetime.date.today()}, {platform.platform()}. Command: `python tests/parity/pollock.py "
        f"target/release/ilk FOLDER --pairs {given.pairs}` on `polluted_files` of Pollock "
        "(Vitagliano et al., PVLDB 16, 2023), a set of CSV files with one damage each.",
        "",
        f"Each file is read {given.pairs} times, each time two of its nine columns, with nothing but their names. "
        "Complete: all rows without damage, with the right values. Where ilk refused and named flags, the file "
        "was read again with them.",
        "",
        "| kind | files | " + " | ".join(verdicts) + " | of the complete: with flags |",
        "|---|---|" + "---|" * (len(verdicts) + 1),
    ]
    for which in [*kinds, "all"]:
        of = [outcome for outcome in outcomes if which in ("all", kind(outcome.name))]
        counts = Counter(outcome.verdict for outcome in of)
        flagged = sum(1 for outcome in of if outcome.verdict == "complete" and outcome.flags)
        text.append(f"| {which} | {len(of)} | " + " | ".join(str(counts[v]) for v in verdicts) + f" | {flagged} |")
    share = count["complete"] / max(len(outcomes), 1)
    text += ["", f"Complete: {share:.2%}. Read wrong: {count['wrong']}.", ""]
    left = [outcome for outcome in outcomes if outcome.verdict not in ("complete",)]
    text += [f"- `{outcome.name}`: {outcome.verdict}: {outcome.why.split(given.folder.name)[-1]}" for outcome in left[:60]]
    return "\n".join(text) + "\n"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("ilk")
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--pairs", type=int, default=len(PAIRS), choices=range(1, len(PAIRS) + 1))
    arguments.add_argument("--only", default="", help="a regular expression of file names")
    arguments.add_argument("--record", type=Path, help="where to write the figures as Markdown")
    given = arguments.parse_args()
    is_real = not (given.folder / "clean" / "source.csv").exists()
    source = [] if is_real else table(given.folder / "clean" / "source.csv")
    names = sorted(path.name for path in (given.folder / "csv").iterdir() if re.search(given.only, path.name))
    with tempfile.TemporaryDirectory() as scratch:
        reader = Reader(given.ilk, Path(scratch))

        def one(name: str) -> Outcome:
            file = load_real(given.folder, name) if is_real else load(given.folder, name, source)
            return judge(reader, file, pairs_of(file) if is_real else PAIRS[: given.pairs])

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            outcomes = list(pool.map(one, names))
    text = report(outcomes, given)
    print(text)
    if given.record:
        given.record.write_text(text)
    count = Counter(outcome.verdict for outcome in outcomes)
    return 1 if count["wrong"] or count["complete"] < AIM * len(outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
