"""Files for `cargo xtask bench --reading`, and other programs that read them.

    python reading.py make retail|integers|damaged|objects OUT [--seed 0]
    python reading.py duckdb|pyarrow FILE USER ITEM THREADS ROUNDS

The first makes a file: rows of a shop with a customer, a product and six more columns; the same with
1 % of damaged lines; two columns of integers; or rows of the shop as JSON Lines. The second reads two columns into memory and prints
rows, and seconds and CPU seconds of each round, as JSON.
"""

import argparse
import csv
import json
import time
from pathlib import Path

import numpy as np

ROWS = {"retail": 3_800_000, "damaged": 3_800_000, "integers": 25_000_000, "objects": 1_000_000}
CHUNK = 100_000
COLUMNS = "InvoiceNo StockCode Description Quantity InvoiceDate UnitPrice CustomerID Country".split()
NUMBERS = {"InvoiceNo", "Quantity", "UnitPrice", "CustomerID"}
WORDS = "heart light holder red white metal sign lantern cream cushion set of box tea towel tin egg".split()
COUNTRIES = ["United Kingdom", "France", "Germany", "EIRE", "Spain", "Netherlands"]


def popular(random, count, size):
    """Draws numbers below `count`, small ones more often."""
    return (count * random.random(size) ** 3).astype(np.int64)


def retail(random, first, rows, products):
    item, user = popular(random, len(products), rows), 12_000 + popular(random, 60_000, rows)
    quantity, price = random.integers(1, 25, rows), random.integers(10, 2_000, rows)
    minute = first + np.arange(rows)
    country = random.integers(0, len(COUNTRIES), rows)
    for row in range(rows):
        code, name = products[item[row]]
        at = int(minute[row])
        day, clock = at // 20_000, at % 1_440
        yield (
            f"{536_365 + at // 20},{code},{name},{quantity[row]},2011-{day // 28 % 12 + 1:02}-{day % 28 + 1:02} "
            f"{clock // 60:02}:{clock % 60:02}:00,{price[row] / 100:.2f},{user[row]},{COUNTRIES[country[row]]}\n"
        )


def as_object(cells):
    """A row as an object on a line."""
    number = lambda text: float(text) if "." in text else int(text)
    cell = lambda name, text: number(text) if name in NUMBERS else text
    row = {name: cell(name, text) for name, text in zip(COLUMNS, cells)}
    return json.dumps(row, separators=(",", ":")) + "\n"


def make(kind, out, seed):
    random = np.random.default_rng(seed)
    products = []
    for number in range(20_000):
        words = " ".join(random.choice(WORDS, 4)).upper()
        name = f'"{words}, {number % 50} CM"' if number % 4 == 0 else words
        products.append((f"{10_000 + number * 7 % 90_000}{'ABC'[number % 3]}", name))
    with Path(out).open("w", encoding="utf-8", newline="") as file:
        if kind == "integers":
            file.write("user,item\n")
        elif kind != "objects":
            file.write(",".join(COLUMNS) + "\n")
        for first in range(0, ROWS[kind], CHUNK):
            if kind == "integers":
                pairs = zip(popular(random, 2_000_000, CHUNK), popular(random, 200_000, CHUNK))
                file.write("".join(f"{user},{item}\n" for user, item in pairs))
                continue
            lines = list(retail(random, first, CHUNK, products))
            if kind == "objects":
                file.write("".join(map(as_object, csv.reader(lines))))
                continue
            if kind == "damaged":
                for place in random.choice(CHUNK, CHUNK // 100, replace=False):
                    lines[place] = lines[place].replace(",", "", 1) if place % 2 else "x," + lines[place]
            file.write("".join(lines))


def duckdb(path, user, item, threads):
    import duckdb

    connection = duckdb.connect(config={"threads": threads})

    def read():
        skip = ", ignore_errors=true" if "damaged" in path else ""
        table = f"read_json('{path}')" if path.endswith(".jsonl") else f"read_csv('{path}'{skip})"
        connection.sql(f'CREATE OR REPLACE TEMP TABLE rows AS SELECT "{user}", "{item}" FROM {table}')
        return connection.sql("SELECT count(*) FROM rows").fetchone()[0]

    return read


def pyarrow(path, user, item, threads):
    import pyarrow
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
    reader = {"duckdb": duckdb, "pyarrow": pyarrow}[given.command]
    time_rounds(reader(given.file, given.user, given.item, given.threads), given.rounds)


if __name__ == "__main__":
    main()
