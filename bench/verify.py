"""Checks that two tables of neighbours are the same up to ties.

    python verify.py ONE.parquet OTHER.parquet -k 50 --tolerance 1e-5

For every item the k best scores must be the same within the tolerance, and an item that only one
of the tables names must score within it of the worst one kept: only there may ties be broken
differently. The tolerance is absolute for scores up to 1, relative to them above. Prints a line of
JSON; exits with 1 and says what differs where something does.
"""

import argparse
import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def read(path):
    """The table, its ids as they are, sorted by item and descending score."""
    return pq.read_table(path, columns=["item", "neighbour", "score"])


def encode(tables):
    """The tables as arrays (item, neighbour, score), with codes that both share, and the ids."""
    columns = [table[name] for table in tables for name in ("item", "neighbour")]
    kind = columns[0].type
    chunks = [chunk.cast(kind) for column in columns for chunk in column.chunks]
    coded = pa.chunked_array(chunks, kind).combine_chunks().dictionary_encode()
    codes = coded.indices.to_numpy().astype(np.int64)
    pieces = np.split(codes, np.cumsum([len(column) for column in columns])[:-1])
    scores = [table["score"].to_numpy().astype(np.float64) for table in tables]
    arrays = [(pieces[2 * at], pieces[2 * at + 1], scores[at]) for at in range(2)]
    return arrays, coded.dictionary


def top(item, neighbour, score, k):
    """The k best of every item, by item and descending score, and each one's rank from 0."""
    order = np.lexsort((neighbour, -score, item))
    item, neighbour, score = item[order], neighbour[order], score[order]
    starts = np.flatnonzero(np.r_[True, item[1:] != item[:-1]])
    rank = np.arange(len(item)) - np.repeat(starts, np.diff(np.r_[starts, len(item)]))
    kept = rank < k
    return item[kept], neighbour[kept], score[kept], rank[kept]


def compare(one, other, k, tolerance, count):
    """What differs, as text with codes for ids (None: nothing), and the largest difference."""
    one, other = top(*one, k), top(*other, k)
    rows = [np.bincount(table[0], minlength=count) for table in (one, other)]
    if (rows[0] != rows[1]).any():
        at = int(np.flatnonzero(rows[0] != rows[1])[0])
        return (at, f"has {rows[0][at]} and {rows[1][at]} neighbours"), None
    if len(one[0]) == 0:
        return None, 0.0
    # The same number of rows per item in the same order: ranks stand side by side.
    scale = np.maximum(1, np.abs(one[2]))
    difference = np.abs(one[2] - other[2]) / scale
    largest = float(difference.max())
    if not largest <= tolerance:
        at = int(difference.argmax())
        text = f"scores {one[2][at]} and {other[2][at]} at rank {one[3][at] + 1}"
        return (int(one[0][at]), text), largest
    worst = np.full(count, np.inf)
    # Ascending rank within an item: the last assignment is the worst.
    worst[one[0]] = one[2]
    keys = [table[0] * count + table[1] for table in (one, other)]
    for mine, theirs, table in ((keys[0], keys[1], one), (keys[1], keys[0], other)):
        alone = ~np.isin(mine, theirs)
        item, score = table[0][alone], table[2][alone]
        beyond = np.abs(score - worst[item]) > 2 * tolerance * np.maximum(1, np.abs(score))
        # An item with fewer than k neighbours has them all: no tie decides which.
        beyond |= rows[0][item] < k
        if beyond.any():
            at = int(np.flatnonzero(beyond)[0])
            return (int(item[at]), f"has a neighbour of score {score[at]} in one table only"), largest
    return None, largest


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("one")
    parser.add_argument("other")
    parser.add_argument("-k", "--top", type=int, required=True)
    parser.add_argument("--tolerance", type=float, required=True)
    arguments = parser.parse_args()
    arrays, ids = encode([read(arguments.one), read(arguments.other)])
    complaint, largest = compare(*arrays, arguments.top, arguments.tolerance, len(ids))
    if complaint is not None:
        item, text = complaint
        sys.exit(f"item {ids[item]} {text}")
    print(json.dumps({"rows": len(arrays[0][0]), "largest_difference": largest}))


if __name__ == "__main__":
    main()
