"""Sessions, the program's own neighbours to compare with, and data."""

import os
import pathlib
import subprocess
import sys
import tempfile

import numpy
import pyarrow
import pyarrow.compute
import pyarrow.parquet
from pyspark.sql import DataFrame, SparkSession

ROOT = pathlib.Path(__file__).parents[4]
SHARED = ROOT / "../shared/data"
ILK = os.environ.get("ILK", "ilk")
# Cases and spelling are those of the package's other tests.
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))


# Tiny jobs, of which there are hundreds, spend their time on compiling themselves.
LIGHT = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}


def session(master: str, **settings: str) -> SparkSession:
    """Begins an application; executors run this Python."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(master)
    common = {
        "spark.ui.enabled": "false",
        "spark.driver.memory": "2g",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.session.timeZone": "Asia/Tokyo",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "OFF",
    }
    for name, value in (common | settings).items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def native(data, job: dict | None = None, **columns) -> pyarrow.Table:
    """What `ilk run` finds in a table or file."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = data, f"{folder}/found.parquet"
        if isinstance(data, pyarrow.Table):
            path = f"{folder}/data.parquet"
            pyarrow.parquet.write_table(data, path)
        flags = []
        for name, value in ((job or {}) | columns).items():
            flags.append(f"--{name.replace('_', '-')}={value}")
        command = [ILK, "run", str(path), *flags, "--out", out, "--log", "json"]
        environment = os.environ | {"ILK_USAGE_FILE": "off"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        return pyarrow.parquet.read_table(out)


def sorted_table(found: DataFrame | pyarrow.Table) -> pyarrow.Table:
    """Rows by item, then rank."""
    table = found.toArrow() if isinstance(found, DataFrame) else found
    return table.sort_by([("item", "ascending"), ("rank", "ascending")])


def assert_same(test, found: DataFrame, expected: pyarrow.Table) -> None:
    """Holds rows against the program's: ids, ranks, overlaps, and every bit of the scores."""
    found, expected = sorted_table(found), sorted_table(expected)
    test.assertEqual(found.column_names, expected.column_names)
    test.assertEqual(len(found), len(expected))
    for name in found.column_names:
        mine, theirs = found[name], expected[name]
        if name == "score":
            mine, theirs = (numpy.asarray(c, "f4").view("u4") for c in (mine, theirs))
            test.assertTrue((mine == theirs).all(), f"{(mine != theirs).sum()} scores differ")
        else:
            test.assertTrue(mine.cast(theirs.type).combine_chunks().equals(theirs.combine_chunks()), name)


def draw(users: int, items: int, rows: int, seed: int) -> pyarrow.Table:
    """Rows as they come: repeated, some of them returns, some with nulls; popular items, one with
    every user, and heavy users."""
    random = numpy.random.default_rng(seed)
    user = random.integers(0, users, rows)
    item = (items * random.random(rows) ** 3).astype(int)
    # One item that everybody has, one user who has everything.
    user = numpy.concatenate([user, numpy.arange(users), numpy.full(items, 7)])
    item = numpy.concatenate([item, numpy.full(users, items + 5), numpy.arange(items)])
    count = len(user)
    weight = numpy.round(random.gamma(2.0, 3.0, count), 2) + 0.1
    weight[random.random(count) < 0.03] *= -1
    time = 1_700_000_000_000_000 + random.integers(0, 10**7, count) * 1_000_000
    order = random.permutation(count)
    return pyarrow.table(
        {
            "user": pyarrow.array(user[order], mask=random.random(count) < 0.002),
            "item": pyarrow.array([f"item {n}" for n in item[order]]),
            "weight": weight[order],
            "time": pyarrow.array(time[order], pyarrow.timestamp("us", "UTC")),
        }
    )
