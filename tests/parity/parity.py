"""Compares the neighbours of `ilk run` with those of implicit, scikit-learn, scipy and numpy.

    python parity.py ILK [DATA.parquet --user COLUMN --item COLUMN [--weight COLUMN]]

Checks a made-up set first, which has everything that real data has; then DATA. Without DATA it is
the set of real orders beside the checkout, which is skipped where it is absent. The references
hold all pairs: for catalogues up to about 10,000 items.

Prints a line per check and ends with `N passed, N failed`.
"""

import os

# More threads than cores only cost.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import reference as ref
from compare import Neighbours, compare

ORDERS = Path(__file__).parents[3] / "shared" / "data" / "online_retail.parquet"
TOP = 20


@dataclass
class Source:
    """A file of interactions and its columns."""

    path: Path
    user: str
    item: str
    weight: str | None = None
    time: str | None = None


@dataclass
class Check:
    """A run of the program and what it should give."""

    name: str
    arguments: str
    scores: Callable
    weighted: bool = False
    timed: bool = False
    of_users: bool = False
    min_support: int = 1
    top: int = TOP
    some_items: bool = False
    absolute: float = 1e-12


def by_counts(name, formula, arguments=None, only=None, **options):
    """A check of a measure that only counts users."""
    arguments = arguments or f"--measure {name}"
    return Check(name, arguments, lambda data: data.scores(formula, only), **options)


CHANCE = ref.more_than_chance

CHECKS = [
    Check("implicit-cosine", "--like implicit-cosine", ref.implicit_cosine, weighted=True),
    Check("implicit-tfidf", "--like implicit-tfidf", ref.implicit_tfidf, weighted=True),
    Check("implicit-bm25", "--like implicit-bm25", ref.implicit_bm25, weighted=True),
    Check(
        "implicit-bm25 K1=2 B=0.4",
        "--like implicit-bm25 --k1 2 --b 0.4",
        lambda data: ref.implicit_bm25(data, K1=2.0, B=0.4),
        weighted=True,
    ),
    Check("implicit-cosine unweighted", "--like implicit-cosine", ref.implicit_cosine),
    Check("implicit-tfidf unweighted", "--like implicit-tfidf", ref.implicit_tfidf),
    Check(
        "cosine binary, weight given",
        "--measure cosine --weighting binary",
        lambda data: ref.sklearn_cosine(data.weighted(lambda _: data.binary)),
        weighted=True,
    ),
    Check(
        "spark-column-similarities",
        "--like spark-column-similarities",
        ref.sklearn_cosine,
        weighted=True,
    ),
    Check(
        "cosine log",
        "--measure cosine --weighting log",
        lambda data: ref.sklearn_cosine(data.weighted(lambda matrix: matrix.log1p())),
        weighted=True,
    ),
    Check("dot raw", "--measure dot --weighting raw", ref.dot, weighted=True),
    Check(
        "asymmetric-cosine α=0.3",
        "--measure asymmetric-cosine --weighting raw --alpha 0.3",
        lambda data: ref.asymmetric_cosine(data, 0.3),
        weighted=True,
    ),
    Check(
        "jaccard (sklearn)", "--measure jaccard", ref.sklearn_distance("jaccard"), some_items=True
    ),
    Check("dice (sklearn)", "--measure dice", ref.sklearn_distance("dice"), some_items=True),
    by_counts("sar-jaccard", ref.sar_jaccard, "--like sar-jaccard"),
    by_counts("sar-lift", ref.sar_lift, "--like sar-lift"),
    by_counts("overlap", lambda c, a, b, n: c / np.minimum(a, b)),
    by_counts(
        "tversky α=0.7 β=0.2",
        lambda c, a, b, n: c / (c + 0.7 * (a - c) + 0.2 * (b - c)),
        "--measure tversky --alpha 0.7 --beta 0.2",
    ),
    by_counts("conditional", lambda c, a, b, n: c / a),
    by_counts(
        "conditional α=0.5",
        lambda c, a, b, n: c / (a * np.sqrt(b)),
        "--measure conditional --alpha 0.5",
    ),
    by_counts("lift", lambda c, a, b, n: n * c / (a * b)),
    by_counts(
        "lift κ=10", lambda c, a, b, n: n * c / ((a + 10) * (b + 10)), "--measure lift --kappa 10"
    ),
    by_counts("pmi", lambda c, a, b, n: np.log(n * c / (a * b)), only=CHANCE),
    by_counts(
        "npmi", lambda c, a, b, n: np.log(n * c / (a * b)) / -np.log(c / n), only=CHANCE
    ),
    by_counts("lexicographers-mi", lambda c, a, b, n: c * np.log2(n * c / (a * b))),
    by_counts("llr (scipy)", ref.scipy_llr, "--measure llr", only=CHANCE, absolute=1e-10),
    by_counts("mahout-llr", ref.mahout_llr, "--like mahout-llr", absolute=1e-9),
    by_counts("cooccurrence", lambda c, a, b, n: c),
    Check(
        "jaccard, shrinkage 5",
        "--measure jaccard --shrinkage 5",
        lambda data: ref.shrunk(data.scores(ref.sar_jaccard), data, 5),
    ),
    Check(
        "lift, min-support 10, min-overlap 3",
        "--measure lift --min-support 10 --min-overlap 3",
        lambda data: ref.overlapping(
            data.scores(lambda c, a, b, n: n * c / (a * b)), data, 3
        ),
        min_support=10,
    ),
    Check(
        "jaccard, threshold",
        "--measure jaccard --threshold 0.0987654",
        lambda data: ref.kept(
            data.scores(ref.sar_jaccard), lambda scores: scores.data >= 0.0987654
        ),
    ),
]

# What needs times, or grows with the square of the users: on the made-up set only.
SMALL_CHECKS = [
    Check("all neighbours", "--measure cosine", ref.implicit_cosine, top=100_000),
    Check(
        "of users, cosine raw",
        "--of users --measure cosine --weighting raw",
        ref.sklearn_cosine,
        weighted=True,
        of_users=True,
    ),
    Check(
        "cosine decay",
        "--measure cosine --weighting decay --half-life 90d --now 2026-01-01",
        ref.sklearn_cosine,
        weighted=True,
        timed=True,
    ),
]


def half_life_weights(table, source):
    """The table with its weights halved for each 90 days before 2026."""
    age = np.datetime64("2026-01-01", "us") - table[source.time].to_numpy()
    decayed = table[source.weight].to_numpy() * 0.5 ** (age / np.timedelta64(90, "D"))
    # Nulls came out as NaN; rows with a NaN weight are dropped either way.
    return table.set_column(table.column_names.index(source.weight), source.weight, [decayed])


class Parity:
    """Runs the program on one source and compares."""

    def __init__(self, ilk, source, folder):
        self.ilk, self.source, self.folder = ilk, source, folder
        self.table = pq.read_table(source.path)
        self.prepared = {}

    def interactions(self, check):
        """What is compared, prepared once for all checks that need the same."""
        key = (check.weighted, check.timed, check.min_support, check.of_users)
        if key not in self.prepared:
            source = self.source
            table = half_life_weights(self.table, source) if check.timed else self.table
            weight = source.weight if check.weighted else None
            data = ref.Interactions(table, source.user, source.item, weight, check.min_support)
            self.prepared[key] = ref.Interactions.of_users(data) if check.of_users else data
        return self.prepared[key]

    def run(self, check, data):
        """The neighbours that the program finds."""
        out = self.folder / "neighbours.parquet"
        out.unlink(missing_ok=True)
        source = self.source
        columns = ["--user", source.user, "--item", source.item]
        if check.weighted:
            columns += ["--weight", source.weight]
        if check.timed:
            columns += ["--time", source.time]
        command = [self.ilk, "run", source.path, *columns, *check.arguments.split()]
        command += ["--top", str(check.top), "--out", out, "--quiet"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            line = " ".join(map(str, command))
            raise RuntimeError(f"`{line}` exited with {done.returncode}:\n{done.stderr.strip()}")
        return read_neighbours(out, data.items)

    def check(self, check):
        """Runs and compares; returns the verdict."""
        data = self.interactions(check)
        found = self.run(check, data)
        # Where the other library is slow, some items stand for all.
        items = np.arange(0, len(data.items), 37) if check.some_items else None
        scores = check.scores(data, items) if check.some_items else check.scores(data)
        return compare(found, scores, data.overlaps, check.top, items, check.absolute)


def read_neighbours(path, items):
    """The program's output, with ids as places in `items`; -1 where an id is none of them."""
    table = pq.read_table(path)
    columns = ["item", "neighbour", "rank", "score", "overlap"]
    item, neighbour, rank, score, overlap = (table[name].to_numpy() for name in columns)
    return Neighbours(
        places(item, items),
        places(neighbour, items),
        rank.astype(np.int64),
        score.astype(np.float64),
        overlap.astype(np.int64),
    )


def places(ids, items):
    """The place of each id in the ascending `items`, or -1."""
    if ids.dtype == object:
        ids = ids.astype(str)
    if ids.dtype.kind != items.dtype.kind:
        return np.full(len(ids), -1)
    found = np.minimum(np.searchsorted(items, ids), len(items) - 1)
    return np.where(items[found] == ids, found, -1)


def make_set(path):
    """Writes a set with everything real data has, and returns where it is.

    Popular and rare items, users with tastes, several rows of one pair, returns, fractions and
    missing values.
    """
    random = np.random.default_rng(2026)
    rows, users, items = 12_000, 700, 240
    user = random.integers(0, users, rows)
    popularity = (random.zipf(1.3, rows) - 1) % items
    taste = (user % 6) * 40 + random.integers(0, 40, rows)
    item = np.where(random.random(rows) < 0.6, taste, popularity)
    rare = random.integers(items, items + 150, rows)
    item = np.where(random.random(rows) < 0.015, rare, item)
    weight = np.round(random.exponential(3.0, rows), 2)
    weight[random.random(rows) < 0.05] *= -1
    weight[random.random(rows) < 0.004] = np.nan
    # All rows of one pair have one time.
    days = (user * 31 + item * 17) % 400
    stamps = np.datetime64("2025-12-31", "us") - days.astype("timedelta64[D]")

    def absent(share):
        return random.random(rows) < share

    names = np.array([f"user-{code}" for code in range(users)])
    table = pa.table(
        {
            "who": pa.array(names[user], mask=absent(0.02)),
            # Beyond 2^53, where floats no longer tell integers apart.
            "what": pa.array(item + 2**60, mask=absent(0.02)),
            "much": pa.array(weight),
            "when": pa.array(stamps),
        }
    )
    pq.write_table(table, path, row_group_size=5_000)
    return Source(path, "who", "what", "much", "when")


def run_checks(ilk, source, checks, folder):
    """Runs all checks on a source, a line each; returns how many passed and failed."""
    parity = Parity(ilk, source, folder)
    print(f"\n{source.path.name}: {parity.table.num_rows} rows", flush=True)
    print(f"{'':6} {'check':38} {'items':>6} {'pairs':>8} {'worst':>8} {'seconds':>8}")
    failed = 0
    for check in checks:
        begin = time.monotonic()
        try:
            verdict = parity.check(check)
        except RuntimeError as error:
            failed += 1
            print(f"FAILED {check.name}\n       {error}", flush=True)
            continue
        failed += bool(verdict.faults)
        print(
            f"{'FAILED' if verdict.faults else 'ok':6} {check.name:38} {verdict.items:6} "
            f"{verdict.pairs:8} {verdict.worst:8.1e} {time.monotonic() - begin:8.1f}",
            *(f"\n       {fault}" for fault in verdict.faults),
            sep="",
            flush=True,
        )
    return len(checks) - failed, failed


# Formulas of c, a, b and n, of dense tables of pairs of two behaviours.
TWO_BEHAVIOURS = {
    "llr": lambda c, a, b, n: np.where(c * n > a * b, ref.scipy_llr(c, a, b, n), 0),
    "cosine": lambda c, a, b, n: c / np.sqrt(a * b),
    "conditional": lambda c, a, b, n: c / a,
    "lift": lambda c, a, b, n: n * c / (a * b),
}


def make_behaviours(folder):
    """Writes views and purchases of overlapping users and items, and returns both as dense tables."""
    random = np.random.default_rng(7)
    users, viewed, bought = 300, 60, 45
    taste = random.integers(0, 5, users)
    tables = []
    for name, items, share, first in [("viewed", viewed, 0.06, 0), ("bought", bought, 0.04, 20)]:
        likes = np.where(np.arange(items) % 5 == taste[:, None], 4 * share, share)
        table = random.random((users, items)) < likes
        # Some users and items are of one behaviour only.
        table[(0 if name == "viewed" else 250) : (40 if name == "viewed" else 300)] = False
        user, item = np.nonzero(table)
        rows = pa.table({"who": user, "what": item + first})
        pq.write_table(rows, folder / f"{name}.parquet")
        tables.append(table.astype(float))
    return tables


def check_behaviours(ilk, folder):
    """Compares the neighbours across two behaviours with numpy; returns passed and failed."""
    views, purchases = make_behaviours(folder)
    n = np.count_nonzero(views.any(axis=1) | purchases.any(axis=1))
    c = views.T @ purchases
    a, b = views.sum(axis=0)[:, None], purchases.sum(axis=0)[None, :]
    out, failed = folder / "across.parquet", 0
    for measure, formula in TWO_BEHAVIOURS.items():
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = np.where(c > 0, formula(c, a + 0 * b, b + 0 * a, n), 0)
        command = [ilk, "run", folder / "viewed.parquet", "--user", "who", "--item", "what"]
        command += ["--target", folder / "bought.parquet", "--measure", measure]
        command += ["--top", str(TOP), "--out", out, "--overwrite", "--quiet"]
        subprocess.run(command, stdin=subprocess.DEVNULL, check=True)
        table = pq.read_table(out)
        item, other = table["item"].to_numpy(), table["neighbour"].to_numpy() - 20
        found = table["score"].to_numpy()
        faults = [] if np.array_equal(table["overlap"], c[item, other]) else ["overlaps differ"]
        if not np.allclose(found, scores[item, other], rtol=1e-6):
            faults.append("scores differ")
        for of in range(len(scores)):
            best = np.sort(scores[of][scores[of] > 0])[::-1][:TOP]
            if not np.allclose(found[item == of], best, rtol=1e-6):
                faults.append(f"item {of} has other neighbours")
        failed += bool(faults)
        name = f"{measure} of two behaviours"
        print(f"{'FAILED' if faults else 'ok':6} {name:38} {len(scores):6} {len(found):8}", *faults[:3])
    return len(TWO_BEHAVIOURS) - failed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("ilk", type=Path, help="the program")
    parser.add_argument("data", type=Path, nargs="?", help="a Parquet file")
    parser.add_argument("--user", default="customer_id")
    parser.add_argument("--item", default="stock_code")
    parser.add_argument("--weight", default="quantity")
    arguments = parser.parse_args()
    ilk = arguments.ilk.resolve()
    data = arguments.data or ORDERS
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        made = make_set(folder / "made-up.parquet")
        passed, failed = run_checks(ilk, made, CHECKS + SMALL_CHECKS, folder)
        across = check_behaviours(ilk, folder)
        passed, failed = passed + across[0], failed + across[1]
        if data.exists():
            source = Source(data, arguments.user, arguments.item, arguments.weight)
            real = run_checks(ilk, source, CHECKS, folder)
            passed, failed = passed + real[0], failed + real[1]
        elif arguments.data:
            parser.error(f"{data} does not exist")
        else:
            print(f"\nskipped: {data.name} is not beside the checkout ({data})")
    print(f"\n{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
