"""Compares presets with their libraries on hundreds of small made-up matrices with corner cases.

    python small.py ILK [--matrices N] [--seed N]

Each matrix has a few users and items: somebody who has everything, an item of everybody, ties, weights
below 1, users with one item. Every preset must give the numbers of its library for every pair: of
implicit, scikit-learn, similaripy and sparse_dot_topn by the package itself, of the others by their
formulas, which are cited.

Prints a line per mismatch and ends with `N passed, N failed`.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import reference as ref
import scipy.sparse as sp
import similaripy
from sparse_dot_topn import sp_matmul_topn

try:
    from surprise import similarities
except ImportError:
    similarities = None

WEIGHTS = [1.0, 2.0, 3.0, 5.0, 0.5, 0.25, 0.1, 1.5]
RATINGS = [1.0, 2.0, 3.0, 4.0, 5.0, 3.5, 0.5]


def matrix_of(random, kind):
    """Users x items, NaN where there is nothing; every user and item has something."""
    users, items = random.integers(1, 12), random.integers(2, 9)
    values = random.choice(RATINGS if kind == "ratings" else WEIGHTS, (users, items))
    if random.random() < 0.2:
        values[:] = values[0, 0]
    holes = random.random((users, items)) < random.choice([0.2, 0.5, 0.8])
    if random.random() < 0.5:
        holes[random.integers(users)] = False
    if random.random() < 0.5:
        holes[:, random.integers(items)] = False
    if random.random() < 0.3 and users > 1:
        # Two users who are the same.
        holes[0], values[0] = holes[1], values[1]
    values[holes] = np.nan
    values = values[~np.isnan(values).all(axis=1)]
    return values[:, ~np.isnan(values).all(axis=0)] if len(values) else values


class Data:
    """A matrix as the references take it."""

    def __init__(self, values):
        self.values = values
        self.matrix = sp.csr_matrix(np.nan_to_num(values))


# Surprise: by the package where it is installed (it has no wheels), else by its similarities.pyx.


def surprise_cosine(x, y):
    return (x @ y) / np.sqrt((x @ x) * (y @ y))


def surprise_msd(x, y):
    return 1 / (np.sum((x - y) ** 2) / len(x) + 1)


def surprise_pearson(x, y):
    count = len(x)
    norm = (count * (x @ x) - x.sum() ** 2) * (count * (y @ y) - y.sum() ** 2)
    return (count * (x @ y) - x.sum() * y.sum()) / np.sqrt(norm)


def surprise(name, formula):
    """The scores of all pairs with users in common by one of Surprise's similarities."""

    def scores(data):
        values, has = data.values, ~np.isnan(data.values)
        found = {}
        package = None
        if similarities is not None:
            ratings = {
                user: [(int(item), float(values[user, item])) for item in np.flatnonzero(has[user])]
                for user in range(len(values))
            }
            package = getattr(similarities, name)(values.shape[1], ratings, 1)
        for item, other in np.argwhere(~np.eye(values.shape[1], dtype=bool)).tolist():
            both = has[:, item] & has[:, other]
            x, y = values[both, item], values[both, other]
            # It gives 0 for items that every user of both rates alike: Ilk has no such pair.
            if not both.any() or (name == "pearson" and not (np.ptp(x) and np.ptp(y))):
                continue
            found[item, other] = formula(x, y) if package is None else float(package[item, other])
        return found

    return scores


# Others.


def of_sparse(function):
    """The scores that another library gives as a sparse matrix, zeros left out."""

    def scores(data):
        found = sp.coo_array(function(data))
        entries = zip(found.row.tolist(), found.col.tolist(), found.data.tolist())
        return {(row, col): value for row, col, value in entries if row != col and value != 0}

    return scores


def of_counts(formula):
    """The scores by c, a, b and N."""

    def scores(data):
        has = (~np.isnan(data.values)).astype(float)
        both, support = has.T @ has, has.sum(axis=0)
        found = {}
        for item, other in np.argwhere(both > 0).tolist():
            if item != other:
                counts = (both[item, other], support[item], support[other], float(len(has)))
                found[item, other] = float(formula(*map(np.float64, counts)))
        return found

    return scores


def lenskit(data):
    """`ItemKNNScorer` on ratings: item means subtracted, unit columns, similarities above 1e-6."""
    centred = data.values - np.nanmean(data.values, axis=0)
    centred = np.nan_to_num(centred)
    norms = np.linalg.norm(centred, axis=0)
    unit = centred / np.maximum(norms, np.finfo("f4").smallest_normal)
    unit[:, norms < 1e-9] = 0
    found = sp.coo_array(unit.T @ unit)
    entries = zip(found.row.tolist(), found.col.tolist(), found.data.tolist())
    return {(row, col): value for row, col, value in entries if row != col and value > 1e-6}


def similaripy_jaccard(data):
    items = data.matrix.T.tocsr().astype("f4")
    return similaripy.jaccard(items, k=100, verbose=False, format_output="csr")


def sparse_dot_topn(data):
    matrix = data.matrix.astype(float)
    return sp_matmul_topn(matrix.T.tocsr(), matrix, top_n=100)


def implicit_tfidf(data):
    """Where ln N - ln(1 + n) is 0 but for rounding for all who have an item, implicit divides 0 by 0, or
    rounding by rounding. Such an item has no weights, and so no neighbours."""
    has = ~np.isnan(data.values)
    idf = np.log(has.shape[1] / (1 + has.sum(axis=1)))
    weighted = (has & (np.abs(idf) > 1e-12)[:, None]).any(axis=0)
    scores = of_sparse(ref.implicit_tfidf)(data)
    return {(row, col): score for (row, col), score in scores.items() if weighted[row] and weighted[col]}


PRESETS = [
    ("implicit-cosine", of_sparse(ref.implicit_cosine), "weights"),
    ("implicit-tfidf", implicit_tfidf, "weights"),
    ("implicit-bm25", of_sparse(ref.implicit_bm25), "weights"),
    ("spark-column-similarities", of_sparse(ref.sklearn_cosine), "weights"),
    ("sar-jaccard", of_counts(ref.sar_jaccard), "weights"),
    ("sar-lift", of_counts(ref.sar_lift), "weights"),
    ("mahout-llr", of_counts(ref.mahout_llr), "weights"),
    ("lenskit-itemknn", lenskit, "ratings"),
    ("surprise-cosine", surprise("cosine", surprise_cosine), "ratings"),
    ("surprise-msd", surprise("msd", surprise_msd), "ratings"),
    ("surprise-pearson", surprise("pearson", surprise_pearson), "ratings"),
    ("similaripy-jaccard", of_sparse(similaripy_jaccard), "weights"),
    ("sparse-dot-topn", of_sparse(sparse_dot_topn), "weights"),
]


def write(path, values, random):
    """Writes the interactions, in any order."""
    rows = [(user, item, repr(float(values[user, item]))) for user, item in np.argwhere(~np.isnan(values))]
    random.shuffle(rows)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["user", "item", "weight"])
        out.writerows(rows)


def neighbours(ilk, path, out, preset):
    """The scores that the program finds."""
    command = [ilk, "run", path, "--user", "user", "--item", "item", "--weight", "weight"]
    command += ["--like", preset, "--top", "1000", "--out", out, "--overwrite", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    with out.open(newline="") as file:
        rows = csv.DictReader(file)
        return {(int(row["item"]), int(row["neighbour"])): float(row["score"]) for row in rows}


def difference(found, expected):
    """What differs, if anything: scores that only rounding tells from nothing may be absent."""
    for pair in sorted(found.keys() | expected.keys()):
        one, other = found.get(pair, 0.0), expected.get(pair, 0.0)
        if not abs(one - other) <= 2e-6 * max(abs(one), abs(other)) + 1e-9:
            return f"pair {pair}: {found.get(pair)}, expected {expected.get(pair)}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("ilk", type=Path, help="the program")
    parser.add_argument("--matrices", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    random = np.random.default_rng(arguments.seed)
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "rows.csv", Path(folder) / "out.csv"
        for number in range(arguments.matrices):
            for kind in ("weights", "ratings"):
                values = matrix_of(random, kind)
                if values.shape[0] < 1 or values.shape[1] < 2:
                    continue
                data = Data(values)
                write(path, values, random)
                for preset, scores, of_kind in PRESETS:
                    if of_kind != kind:
                        continue
                    wrong = difference(neighbours(arguments.ilk, path, out, preset), scores(data))
                    passed, failed = passed + (wrong is None), failed + (wrong is not None)
                    if wrong:
                        print(f"{preset}, matrix {number}: {wrong}\n{values.tolist()}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
