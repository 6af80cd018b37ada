"""Makes a benchmark set: a Parquet file of (user, item) pairs.

    python sets.py small|views|orders|dense|clicks20m|clicks200m OUT.parquet [--seed 0]
    python sets.py labelled|relabelled|text_ids|null_users|checkins OUT.parquet [--seed 0]

Items are popular by Zipf's law (shifted by 8), users active by a log-normal; items are shuffled,
so that popularity says nothing about the id. Prints the set's sizes as JSON.

The clicks are logs that need not fit in memory: rows (user, item, quantity, time) as they come,
pairs repeated, written a row group at a time in a few hundred MB. Their sizes are of rows.

The second line has rows that take memory in other ways than by their number: long labels, labels of
which there are as many as rows, IDs of text, rows that are set aside, and many items of few users.
Columns (user, item, name, quantity, time).
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp

# name: users, items, interactions drawn, exponent of Zipf's law, sigma of the log of activity
SETS = {
    "small": (20_000, 5_000, 1_000_000, 0.9, 1.0),
    "views": (138_000, 27_000, 20_000_000, 1.0, 1.1),
    "orders": (2_000_000, 200_000, 20_000_000, 0.8, 0.9),
    # Thousands of items per user.
    "dense": (5_700, 60_000, 21_700_000, 0.7, 0.2),
}

# The same for logs: rows drawn.
STREAMS = {
    "clicks20m": (200_000, 40_000, 22_000_000, 0.9, 1.0),
    "clicks200m": (2_000_000, 100_000, 220_000_000, 0.9, 1.0),
}
GROUP = 1 << 20


# name: users, items, rows, exponent of the items' skew
AWKWARD = {
    "labelled": (40_000, 100_000, 400_000, 1.5),
    "relabelled": (50_000, 500, 500_000, 1.0),
    "text_ids": (200_000, 30_000, 2_000_000, 3.0),
    "null_users": (50_000, 20_000, 1_000_000, 3.0),
    "checkins": (30_000, 41_000, 1_000_000, 1.2),
}


def awkward(name, seed, out):
    """Draws rows that take memory in other ways than by their number."""
    users, items, rows, exponent = AWKWARD[name]
    random = np.random.default_rng(seed)
    user = random.integers(0, users, rows)
    item = (items * random.random(rows) ** exponent).astype(np.int64)
    # 45 to 300 bytes.
    names = np.array([f"label {code:06} ".ljust(45 + code * 7919 % 256, "x") for code in range(items)], object)
    label = pa.array(names[item])
    if name == "relabelled":
        label = pa.array([f"{row:09}".ljust(220, "y") for row in range(rows)])
    ids = [pa.array(user), pa.array(item)]
    if name == "text_ids":
        ids = [pa.array([f"user-{code:08}" for code in user]), pa.array([f"item-{code:08}" for code in item])]
    if name == "null_users":
        ids[0] = pa.array(user, mask=random.random(rows) < 0.9)
    time = pa.array(1_767_225_600_000_000 + random.integers(0, 10**13, rows), pa.timestamp("us"))
    columns = [*ids, label, pa.array(random.geometric(0.6, rows).astype(np.float64)), time]
    table = pa.table(columns, ["user", "item", "name", "quantity", "time"])
    pq.write_table(table, out, compression="zstd")
    return {"users": users, "items": items, "rows": rows}


def up_to(weights):
    return np.cumsum(weights / weights.sum())


def stream(name, seed, out):
    """Draws a log, group by group; each group has a generator of its own."""
    users, items, drawn, exponent, sigma = STREAMS[name]
    random = np.random.default_rng(seed)
    user_up_to = up_to(random.lognormal(0, sigma, users))
    item_up_to = up_to(1 / np.power(np.arange(1, items + 1) + 8.0, exponent))
    user_ids, item_ids = random.permutation(users), random.permutation(items)
    fields = [("user", pa.int64()), ("item", pa.int64()), ("quantity", pa.float64()),
              ("time", pa.timestamp("us"))]
    with pq.ParquetWriter(out, pa.schema(fields), compression="zstd") as writer:
        for group, first in enumerate(range(0, drawn, GROUP)):
            rows = min(GROUP, drawn - first)
            random = np.random.default_rng([seed, group])
            # Sorted draws are looked up in order, which is many times faster.
            user = np.searchsorted(user_up_to, np.sort(random.random(rows)))
            item = np.searchsorted(item_up_to, np.sort(random.random(rows)))
            item = random.permutation(item_ids[np.minimum(item, items - 1)])
            order = random.permutation(rows)
            time = 1_767_225_600_000_000 + (first + np.arange(rows)) * 100_000
            columns = [
                user_ids[np.minimum(user, users - 1)][order],
                item[order],
                random.geometric(0.6, rows).astype(np.float64),
                pa.array(time, pa.timestamp("us")),
            ]
            writer.write_table(pa.table([pa.array(column) for column in columns], pa.schema(fields)))
    return {"users": users, "items": items, "rows": drawn, "bytes_in_memory": drawn * 32}


def make(name, seed):
    """Draws a set as a matrix of users x items, all ones."""
    users, items, drawn, exponent, sigma = SETS[name]
    random = np.random.default_rng(seed)
    activity = random.lognormal(0, sigma, users)
    activity = np.maximum(1, (activity / activity.sum() * drawn * 1.15).astype(np.int64))
    activity = np.minimum(activity, items // 4)
    popularity = 1 / np.power(np.arange(1, items + 1) + 8.0, exponent)
    up_to = np.cumsum(popularity / popularity.sum())
    user = np.repeat(np.arange(users), activity)
    item = np.minimum(np.searchsorted(up_to, random.random(len(user))), items - 1)
    item = random.permutation(items)[item]
    matrix = sp.csr_matrix((np.ones(len(user), np.float32), (user, item)), shape=(users, items))
    matrix.sum_duplicates()
    return matrix


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=[*SETS, *STREAMS, *AWKWARD])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    unfinished = arguments.out.with_suffix(".unfinished")
    if arguments.name in STREAMS or arguments.name in AWKWARD:
        draw = stream if arguments.name in STREAMS else awkward
        sizes = draw(arguments.name, arguments.seed, unfinished)
        unfinished.rename(arguments.out)
        print(json.dumps(sizes))
        return
    matrix = make(arguments.name, arguments.seed)
    pairs = matrix.tocoo()
    columns = {"user": pairs.row.astype(np.int32), "item": pairs.col.astype(np.int32)}
    # A file is there whole or not at all.
    pq.write_table(pa.table(columns), unfinished, compression="zstd")
    unfinished.rename(arguments.out)
    degrees = np.diff(matrix.indptr).astype(np.int64)
    sizes = {
        "users": int((degrees > 0).sum()),
        "items": len(np.unique(matrix.indices)),
        "interactions": int(matrix.nnz),
        "pair_operations": int(np.square(degrees).sum()),
    }
    print(json.dumps(sizes))


if __name__ == "__main__":
    main()
