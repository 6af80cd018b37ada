"""Files for `cargo xtask bench --reading`, and other programs that read them.

    python reading.py make retail|integers|damaged|objects OUT [--seed 0]
    python reading.py duckdb|pyarrow FILE USER ITEM THREADS ROUNDS

The first makes a file: rows of a shop with a customer, a product and six more columns; the same with
1 % of damaged lines; two columns of integers; or rows of the shop as JSON Lines. The second reads two columns into memory and prints
rows, and seconds and CPU seconds of each round, as JSON.
"""

import argparse
import json
import time
from pathlib import Path

import duckdb as db
import numpy as np
import pyarrow

ROWS = {"retail": 3_800_000, "damaged": 3_800_000, "integers": 25_000_000, "objects": 1_000_000}
WORDS = "heart light holder red white metal sign lantern cream cushion set of box tea towel tin egg".split()
COUNTRIES = ["United Kingdom", "France", "Germany", "EIRE", "Spain", "Netherlands"]


def popular(random, count, size):
    """Draws numbers below `count`, small ones more often."""
    return (count * random.random(size) ** 3).astype(np.int64)


def products(random, count):
    """Codes and names, of which each fourth has a comma."""
    words = [" ".join(random.choice(WORDS, 4)).upper() for _ in range(count)]
    names = [f"{name}, {number % 50} CM" if number % 4 == 0 else name for number, name in enumerate(words)]
    return [f"{10_000 + number * 7 % 90_000}{'ABC'[number % 3]}" for number in range(count)], names


def retail(random, rows):
    codes, names = products(random, 20_000)
    at, item = np.arange(rows), popular(random, len(codes), rows)
    minute = np.datetime64("2011-01-01T08:00") + at // 8
    take = lambda texts, numbers: pyarrow.array(texts).take(pyarrow.array(numbers))
    return pyarrow.table(
        {
            "InvoiceNo": 536_365 + at // 20,
            "StockCode": take(codes, item),
            "Description": take(names, item),
            "Quantity": random.integers(1, 25, rows),
            "InvoiceDate": pyarrow.array(minute.astype("datetime64[s]")),
            "UnitPrice": random.integers(10, 2_000, rows) / 100,
            "CustomerID": 12_000 + popular(random, 60_000, rows),
            "Country": take(COUNTRIES, random.integers(0, len(COUNTRIES), rows)),
        }
    )


def damage(random, path):
    """Takes a field from some lines, and gives others one more: 1 % of all."""
    lines = path.read_bytes().splitlines(keepends=True)
    for place in 1 + random.choice(len(lines) - 1, len(lines) // 100, replace=False):
        lines[place] = lines[place].replace(b",", b"", 1) if place % 2 else b"x," + lines[place]
    path.write_bytes(b"".join(lines))


def make(kind, out, seed):
    random = np.random.default_rng(seed)
    if kind == "integers":
        user, item = (popular(random, most, ROWS[kind]) for most in (2_000_000, 200_000))
        rows = pyarrow.table({"user": user, "item": item})
    else:
        rows = retail(random, ROWS[kind])
    # One thread: the rows keep their order.
    connection = db.connect(config={"threads": 1})
    connection.register("rows", rows)
    form = "FORMAT json" if kind == "objects" else "FORMAT csv, HEADER"
    connection.execute(f"COPY rows TO '{out}' ({form})")
    if kind == "damaged":
        damage(random, Path(out))


def duckdb(path, user, item, threads):
    connection = db.connect(config={"threads": threads})

    def read():
        skip = ", ignore_errors=true" if "damaged" in path else ""
        table = f"read_json('{path}')" if path.endswith(".jsonl") else f"read_csv('{path}'{skip})"
        connection.execute(f'CREATE OR REPLACE TEMP TABLE rows AS SELECT "{user}", "{item}" FROM {table}')
        return connection.execute("SELECT count(*) FROM rows").fetchall()[0][0]

    return read


def arrow(path, user, item, threads):
    from pyarrow import csv as tables
    from pyarrow import json as objects

    pyarrow.set_cpu_count(threads)
    skip = tables.ParseOptions(invalid_row_handler=lambda _: "skip")
    columns = tables.ConvertOptions(include_columns=[user, item])
    schema = pyarrow.schema([(user, pyarrow.int64()), (item, pyarrow.string())])
    only = objects.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")

    def read():
        if path.endswith(".jsonl"):
            return len(objects.read_json(path, parse_options=only))
        return len(tables.read_csv(path, parse_options=skip, convert_options=columns))

    return read


def time_rounds(read, rounds):
    rows, seconds, cpu = 0, [], []
    for _ in range(rounds):
        clock, before = time.perf_counter(), time.process_time()
        rows = read()
        seconds.append(time.perf_counter() - clock)
        cpu.append(time.process_time() - before)
    print(json.dumps({"rows": rows, "seconds": seconds, "cpu_seconds": cpu}))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = arguments.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make")
    making.add_argument("kind", choices=list(ROWS))
    making.add_argument("out")
    making.add_argument("--seed", type=int, default=0)
    for name in ("duckdb", "pyarrow"):
        reading = commands.add_parser(name)
        for column in ("file", "user", "item"):
            reading.add_argument(column)
        reading.add_argument("threads", type=int)
        reading.add_argument("rounds", type=int)
    given = arguments.parse_args()
    if given.command == "make":
        make(given.kind, given.out, given.seed)
        return
    reader = {"duckdb": duckdb, "pyarrow": arrow}[given.command]
    time_rounds(reader(given.file, given.user, given.item, given.threads), given.rounds)


if __name__ == "__main__":
    main()
