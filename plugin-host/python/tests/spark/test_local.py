"""The package on Spark in local mode: the program's neighbours, whatever the job and the data.

Run with the package installed and the program named: `ILK=target/debug/ilk python -m unittest
discover -s plugin-host/python/tests/spark`; `cargo xtask spark-test` does it.
"""

import concurrent.futures
import contextlib
import datetime
import io
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest
import warnings
from unittest import mock

import numpy
import pandas
import pyarrow
import pyarrow.fs
import pyarrow.parquet
from pyspark.sql import functions as f
from support import ILK, LIGHT, SHARED, assert_same, draw, native, session, sorted_table

from cases import cells, every_case
from ilk_plugin import IlkWarning, Refused, SimilarityJob, load, rows
from ilk_plugin.errors import OutOfMemory
from ilk_plugin.sandbox import Instance
from ilk_plugin.spark import TaskFailed, at_once, folding, merging, planning, running, tiling
from ilk_plugin.spark import set_aside, similar_items
from ilk_plugin.spark.storage import Storage
from ilk_plugin.tiles import Offers, merge


# `cargo xtask nightly` asks for every case.
FULL = "ILK_TESTS_FULL" in os.environ
# One of each kind of data, and of each setting that Spark has a part in.
A_DOZEN = {
    "13-llr",
    "21-decay",
    "22-duplicates-last",
    "24-returns-netted",
    "26-cap",
    "30-text-ids",
    "32-wide-integers",
    "33-rows-set-aside",
    "34-of-users",
    "35-labels",
    "38-for",
    "39-where",
    "63-pairs-once",
}


def setUpModule():
    global spark
    spark = session("local[2]", **LIGHT)
    # `Warnings` is about them.
    warnings.simplefilter("ignore", IlkWarning)


def tearDownModule():
    spark.stop()


def frame(table: pyarrow.Table):
    """A table as a DataFrame; Spark has no numbers without a sign."""
    wide = lambda kind: pyarrow.decimal128(20, 0) if kind == pyarrow.uint64() else kind
    fields = [(field.name, wide(field.type)) for field in table.schema]
    return spark.createDataFrame(table.cast(pyarrow.schema(fields)))


def instant(text: str | None):
    """Reads a time as job files and CSV spell it."""
    with contextlib.suppress(TypeError, ValueError):
        time = datetime.datetime.fromisoformat(text)
        return time if time.tzinfo else time.replace(tzinfo=datetime.UTC)


def request_of(case) -> dict:
    """A case as Spark takes it: times as times, conditions in SQL."""
    request = dict(case.request)
    table = case.table
    if time := request.get("time"):
        times = pyarrow.array([instant(text) for text in table[time].to_pylist()], pyarrow.timestamp("us", "UTC"))
        table = table.set_column(table.column_names.index(time), time, times)
    if where := request.pop("where", None):
        parts = (text.partition("=") for text in where)
        request["where"] = " and ".join(f"{column} = '{value}'" for column, _, value in parts)
    return {"df": frame(table), **request}


def refusal(test, **request) -> Refused:
    with test.assertRaises(Refused) as refused:
        similar_items(**request)
    test.assertNotIn("\n", str(refused.exception))
    return refused.exception


class Conformance(unittest.TestCase):
    def test_every_case_gives_what_is_expected(self):
        # By many tasks, and by one.
        chosen = every_case() if FULL else [case for case in every_case() if case.name in A_DOZEN]
        every = [(case, rows) for case in chosen for rows in (0, 1 << 20)]
        self.assertGreaterEqual(len(every), 24)

        def run(case_and_rows):
            case, rows = case_and_rows
            return sorted_table(similar_items(**request_of(case), rows_at_once=rows))

        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            for (case, rows), found in zip(every, pool.map(run, every)):
                with self.subTest(case.name, rows_at_once=rows):
                    self.assertEqual(found.column_names, case.columns)
                    self.assertEqual(cells(found), case.expected)


class Data(unittest.TestCase):
    def real(self, name: str, job: dict, **columns):
        path = SHARED / name
        if not path.exists():
            self.skipTest(f"{name} is not in ../shared/data")
        expected = native(path, job, **columns)
        for rows in (0, 2_000_000):
            found = similar_items(spark.read.parquet(str(path)), job=job, rows_at_once=rows, **columns)
            assert_same(self, found, expected)

    def test_online_retail(self):
        columns = {"user": "customer_id", "item": "stock_code", "weight": "quantity"}
        self.real("online_retail.parquet", {}, **columns, item_label="description")
        self.real("online_retail.parquet", {"like": "implicit-tfidf", "top": 20}, **columns)

    def test_msweb(self):
        self.real("msweb_views.parquet", {"measure": "llr"}, user="user", item="item")

    def test_skew_many_tiles_and_users_numbered_anew(self):
        table = draw(users=60_000, items=3_000, rows=90_000, seed=1)
        notes = []
        for job, columns in [
            ({"measure": "jaccard", "top": 10}, {}),
            ({"weighting": "bm25", "measure": "dot", "top": 7}, {"weight": "weight"}),
        ]:
            columns = {"user": "user", "item": "item"} | columns
            with tempfile.TemporaryDirectory() as folder:
                found = similar_items(
                    frame(table),
                    job=job,
                    checkpoint=folder,
                    slots=20,
                    rows_at_once=0,
                    on_notes=notes.extend,
                    **columns,
                )
                assert_same(self, found, native(table, job, **columns))
                plan = json.loads(pathlib.Path(folder, "plan.json").read_text())
                self.assertGreater(len(plan["tiles"]), 3)
                smallest = min(block["interactions"] for block in plan["blocks"])
                self.assertLess(2 * smallest, plan["numbers"])
        counted = {note.code: note.count for note in notes}
        self.assertEqual(counted["null_user"], table["user"].null_count)

    def test_what_the_job_says_of_rows(self):
        table = draw(users=900, items=150, rows=9_000, seed=2)
        weighted = {"weight": "weight"}
        timed = weighted | {"time": "time"}
        jobs = [
            ({"weighting": "raw", "negative_weights": "net", "min_support": 30}, weighted),
            ({"max_items_per_user": 4}, {}),
            ({"max_items_per_user": 6, "weighting": "log", "duplicates": "max"}, timed),
            ({"of": "users", "weighting": "raw", "min_support": 5, "top": 5}, weighted),
            ({"weighting": "decay", "half_life": "20d", "duplicates": "last"}, timed),
            ({"weighting": "bm25", "duplicates": "sum", "of": "users", "top": 3}, {}),
        ]

        def run(job_and_columns):
            job, columns = job_and_columns
            columns = {"user": "user", "item": "item"} | columns
            found = []
            for rows in (0, 1 << 20):
                notes = []
                result = similar_items(
                    frame(table), job=job, rows_at_once=rows, on_notes=notes.extend, **columns
                )
                found.append((result, {note.code: note.count for note in notes}))
            return found, native(table, job, **columns)

        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            for (job, _), (found, expected) in zip(jobs, pool.map(run, jobs)):
                with self.subTest(str(job)):
                    self.assertGreater(len(expected), 100)
                    (by_many, notes), (by_one, same_notes) = found
                    assert_same(self, by_many, expected)
                    assert_same(self, by_one, expected)
                    self.assertEqual(notes, same_notes)


class AtOnce(unittest.TestCase):
    """Small jobs in one task."""

    def run_in(self, folder: str, table: pyarrow.Table, **more) -> dict:
        found = similar_items(frame(table), user="user", item="item", checkpoint=folder, **more)
        assert_same(self, found, native(table, more.get("job"), user="user", item="item"))
        return json.loads(pathlib.Path(folder, "run.json").read_text())

    def test_few_rows_go_to_one_task_and_more_to_many(self):
        table = draw(users=500, items=90, rows=4_000, seed=8)
        kept = len(table) - table["user"].null_count
        for most, is_alone in [(kept, True), (kept - 1, False)]:
            with tempfile.TemporaryDirectory() as folder:
                record = self.run_in(folder, table, rows_at_once=most)
                self.assertEqual(record["at_once"] is not None, is_alone)
                self.assertEqual(pathlib.Path(folder, "tiles").exists(), not is_alone)

    def test_one_task_leaves_what_is_too_much_for_it(self):
        table = draw(users=4_000, items=500, rows=60_000, seed=9).select(["user", "item"])
        schema = pyarrow.schema([("item", pyarrow.string()), ("score", pyarrow.float32())])
        for memory, seconds, words in [(3 << 20, 20.0, "raise memory_bytes"), (1 << 30, 0.0, "more than 0 s")]:
            with tempfile.TemporaryDirectory() as folder, mock.patch.object(at_once, "SECONDS", seconds):
                courier = mock.Mock(compiled=lambda memory=memory: load(memory_bytes=memory))
                work = at_once.Work(Storage(folder), courier, {}, {})
                self.assertEqual(at_once._compute(table.to_batches(), schema, work), [])
                left = at_once.outcome(work.storage)
                self.assertEqual(left["outcome"], "left")
                self.assertIn(words, left["message"])

    def test_what_one_task_leaves_goes_to_many(self):
        table = draw(users=500, items=90, rows=4_000, seed=11)
        left = {"outcome": "left", "message": "too much"}
        with (
            tempfile.TemporaryDirectory() as folder,
            mock.patch.object(at_once, "outcome", lambda storage: left),
        ):
            record = self.run_in(folder, table)
            self.assertEqual(record["at_once"], left)
            self.assertGreater(record["tiles"]["computed"], 0)

    def test_what_the_plugin_says_arrives(self):
        table, notes = draw(users=300, items=60, rows=2_000, seed=10), []
        listed = ["item 1", "no such"]
        similar_items(frame(table), user="user", item="item", wanted=listed, on_notes=notes.extend)
        self.assertEqual([note.count for note in notes if note.code == "unknown_ids"], [1])
        items = numpy.arange(600_000)
        heavy = pyarrow.table({"user": numpy.zeros_like(items), "item": items})
        for most in (0, len(items)):
            refused = refusal(self, df=frame(heavy), user="user", item="item", rows_at_once=most)
            self.assertIn("set max_items_per_user to", str(refused))


class Warnings(unittest.TestCase):
    def told(self, **request) -> list[str]:
        rows = [(1, "a", 1.0), (1, "b", 1.0), (None, "a", 1.0), (2, "b", -1.0), (2, "a", None), (3, None, 1.0)]
        df = spark.createDataFrame(rows, "u int, i string, w double")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            similar_items(df, user="u", item="i", weight="w", **request)
        caught = [warning for warning in caught if warning.category is IlkWarning]
        # The line is the caller's.
        self.assertLessEqual({warning.filename for warning in caught}, {__file__})
        return [str(warning.message) for warning in caught]

    def test_rows_and_lists_that_are_left_out_are_told(self):
        ids = spark.createDataFrame([("x",), ("y",)], "id string")
        rows = (
            "4 rows were set aside (66.67 % of 6): 1 without a user ID, 1 without an item ID, 1 with an "
            "invalid weight, 1 with a weight of 0 or less; set_aside(df, …) shows them"
        )
        for request, lists in [
            # By one task, and by many.
            ({"exclude": ["x", "y"]}, "none of the 2 IDs in exclude is in the data"),
            ({"exclude": ids}, "none of the 2 IDs in exclude is in the data"),
        ]:
            with self.subTest(request):
                told = self.told(**request)
                self.assertIn(rows, told[0])
                self.assertIn(lists, told[1])

    def test_settings_without_effect_are_named(self):
        told = self.told(time_unit="ms")
        self.assertEqual(told[-1], "time_unit has no effect without time")

    def test_who_receives_notes_is_not_warned(self):
        notes = []
        self.assertEqual(self.told(exclude=["x"], on_notes=notes.extend), [])
        self.assertEqual({note.code: note.count for note in notes}["unknown_ids"], 1)


class Trouble(unittest.TestCase):
    def test_refusals_say_what_to_do(self):
        table = pyarrow.table({"user": [1, 2], "item": ["a", "b"], "much": [0.5, 2.0], "when": ["x", "y"]})
        df = frame(table)
        good = {"df": df, "user": "user", "item": "item"}
        for words, request in [
            ("user='usr': the DataFrame has no column `usr` (did you mean `user`?)", good | {"user": "usr"}),
            ("try_cast('double')", good | {"weight": "item"}),
            ("time_format: it does not tell year, month and day", good | {"time": "when", "time_format": "%d/%m"}),
            ("time_format is 5; give a string", good | {"time": "when", "time_format": 5}),
            ("bad weight or time", good | {"time": "when", "time_format": "%Y-%m-%d", "job": {"max_bad_rows": "0"}}),
            ("concat_ws('|', 'user', 'when')", good | {"user": "user,when"}),
            ("explode('item')", good | {"df": df.withColumn("item", f.array("item"))}),
            ("user='much': an ID is 0.5, expected a whole number", good | {"user": "much"}),
            ("item='much': an ID is 0.5, expected a whole number", good | {"item": "much"}),
            ("user is None; give the name of a column", good | {"user": None}),
            ("item is ''; give the name of a column", good | {"item": ""}),
            ("weight is 3; give the name of a column", good | {"weight": 3}),
            ("are the same column, `item`", good | {"user": "item"}),
            ("has several columns `item`", good | {"df": df.select("*", "item")}),
            ("item_label='much': the column is double, expected text", good | {"item_label": "much"}),
            ("measure is 'x'; choose one of cosine,", good | {"job": {"measure": "x"}}),
            ("name its column", good | {"job": {"duplicates": "last"}}),
            ("max_bad_rows", good | {"df": df.withColumn("much", f.lit(float("nan"))), "weight": "much", "job": {"max_bad_rows": "0"}}),
            ("the job is strict", good | {"df": df.withColumn("user", f.lit(None).cast("int")), "job": SimilarityJob(strict=True)}),
            ("negative_weights is error", good | {"df": df.withColumn("much", -f.col("much")), "weight": "much", "job": {"negative_weights": "error"}}),
            ("has no rows", good | {"df": df.where("false")}),
            ("only is str; give a list, as in only=['85123A']", good | {"only": "85123A"}),
            ("wanted is int; give a list", good | {"wanted": 7}),
            ("exclude is DataFrame; give a list", good | {"exclude": pandas.DataFrame({"id": ["a"]})}),
            ("memory_bytes is -5; give a whole number of 8388608 or more", good | {"memory_bytes": -5}),
            ("slots is -1; give a whole number of 1 or more", good | {"slots": -1}),
            ("rows_at_once is -1; give a whole number of 0 or more", good | {"rows_at_once": -1}),
            ("where is list; give a condition in Spark SQL", good | {"where": ["user = 1"]}),
            ("where='foo bar =' is not a valid condition: [PARSE", good | {"where": "foo bar ="}),
            ("where='zz = 1' is not a valid condition: [UNRES", good | {"where": "zz = 1"}),
            ("where='user + 1' is not a valid condition: [DATA", good | {"where": "user + 1"}),
            ("where='max(user) > 1' is not a valid condition: [", good | {"where": "max(user) > 1"}),
            ("/proc/ilk", good | {"scratch": "/proc/ilk"}),
            ("that the driver and all executors may write", good | {"scratch": f"{__file__}/folder"}),
            ("df is a pandas", good | {"df": pandas.DataFrame({"user": [1], "item": ["a"]})}),
        ]:
            with self.subTest(words):
                self.assertIn(words, str(refusal(self, **request)))

    def test_settings_of_files_are_refused_by_name(self):
        df = spark.createDataFrame([(1, "a")], "user int, item string")
        for name in ["labels", "group", "item_separator", "null", "delimiter", "encoding", "input_format"]:
            with self.assertRaisesRegex(TypeError, f"'{name}'"):
                similar_items(df, user="user", item="item", **{name: "x"})

    def test_what_leaves_nothing_is_named(self):
        df = frame(pyarrow.table({"user": [1, 1, 2, 3], "item": ["a", "b", "a", "c"]}))
        good = {"df": df, "user": "user", "item": "item"}
        for at_once in [2_000_000, 0]:
            for words, request in [
                ("threshold 2 leaves no neighbours; ", {"job": {"threshold": 2}}),
                ("wanted leaves no neighbours; leave out wanted to see what there is", {"wanted": ["c"]}),
                ("wanted and threshold 0.5 leave no neighbours; ", {"wanted": ["c"], "job": {"threshold": 0.5}}),
                (
                    "only: its only ID, `x`, is not in the data; the data has IDs such as `a`, `b`, `c`",
                    {"only": ["x"]},
                ),
                ("; `A` may mean `a`: they differ in upper and lower case", {"only": ["A"]}),
                ("no row is left of 4 (filtered: 4)", {"where": "user > 9"}),
            ]:
                with self.subTest(words, at_once=at_once):
                    self.assertIn(words, str(refusal(self, **good, **request, rows_at_once=at_once)))

    def test_times_of_text_are_read_as_by_the_program(self):
        table = pyarrow.table({"user": [1, 1, 2], "item": ["a", "b", "a"], "t": [None] * 3})
        job, names = {"weighting": "decay", "half_life": "30d"}, {"user": "user", "item": "item", "time": "t"}

        def found(times, **request):
            rows = table.set_column(2, "t", pyarrow.array(times))
            return sorted_table(similar_items(frame(rows), **names, **request, job=job).toArrow())

        expected = found([datetime.datetime(2011, 12, day) for day in (11, 19, 19)])
        for number, (times, rule) in enumerate([
            (["11/12/2011", "19/12/2011", "19/12/2011"], {"time_format": "%d/%m/%Y"}),
            (["2011-12-11", "2011/12/19", "2011-12-19 00:00:00 UTC"], {}),
            ([11122011, 19122011, 19122011], {"time_format": "%d%m%Y"}),
            ([11122011.0, 19122011.0, 19122011.0], {"time_format": "%d%m%Y"}),
            (["1323561600", "1324252800", "1324252800"], {"time_unit": "s"}),
        ]):
            # By one task, and by many.
            for at_once in [2_000_000, 0] if FULL or number == 0 else [2_000_000]:
                with self.subTest(times, at_once=at_once):
                    self.assertEqual(found(times, **rule, rows_at_once=at_once), expected)
        bad = table.set_column(2, "t", pyarrow.array(["01/12/2011", "never", None]))
        shown = set_aside(frame(bad), user="user", item="item", time="t", time_format="%d/%m/%Y")
        self.assertEqual([row["reason"] for row in shown.collect()], ["bad_time", "bad_time"])
        seconds = table.set_column(2, "t", pyarrow.array(["1322697600", "1323388800", "1323388800"]))
        with self.assertRaises((Refused, TaskFailed)) as raised:
            similar_items(frame(seconds), **names, job=job)
        self.assertIn("time_unit", str(raised.exception))

    def test_rows_set_aside_can_be_looked_at(self):
        df = spark.createDataFrame([(1, "a", 2.0), (None, "b", 1.0), (2, "a", -1.0)], "u int, i string, w double")
        shown = set_aside(df, user="u", item="i", weight="w").orderBy("reason").collect()
        self.assertEqual([(row["i"], row["reason"]) for row in shown], [("a", "nonpositive_weight"), ("b", "null_user")])

    def test_a_job_without_pairs_gives_a_table_without_rows(self):
        df = spark.createDataFrame([(1, "a"), (2, "b")], "u int, i string")
        found = similar_items(df, user="u", item="i")
        self.assertEqual((found.count(), found.columns[:2]), (0, ["item", "neighbour"]))

    def test_what_nobody_named_is_not_looked_at(self):
        df = spark.createDataFrame([(1, "a"), (1, "b")], "u int, i string")
        own = {"ilk_u": 7, "ilk_w": -1.0, "ilk_t": "now", "ilk_label": "x", "ilk_reason": "y"}
        df = df.withColumns({name: f.lit(value) for name, value in own.items()})
        found = similar_items(df, user="u", item="i", where="ilk_w < 0 and ilk_reason = 'y'")
        self.assertEqual((found.count(), "item_label" in found.columns), (2, False))
        shown = set_aside(df, user="u", item="i", where="i = 'a'").collect()
        self.assertEqual([row.asDict() for row in shown], [{"u": 1, "i": "b"} | own | {"reason": "filtered"}])


class Memory(unittest.TestCase):
    """Plans are cut to an instance's memory."""

    def plan(self, supports: list, memory_bytes: int, **job):
        each, job = numpy.array(supports), {"top": 50, "is_weighted": False} | job
        sizes = folding.Sizes(9_000_000, int(each.sum()), int(each.sum()) * 30, 99, None, [9_000_000], 0, 0)
        catalogue = folding.Catalogue(each, numpy.array([0, len(each)]))
        settings = {"top": job["top"], "weighting": "raw" if job["is_weighted"] else "binary"}
        costs = rows.costs(
            Instance(load()),
            settings,
            weight=job["is_weighted"],
            users=sizes.users,
            items=len(supports),
            interactions=sizes.interactions,
            operations=sizes.operations,
        )
        return planning.plan(catalogue, sizes, mock.Mock(**job), costs, slots=2, memory_bytes=memory_bytes)

    def test_the_least_memory_is_enough(self):
        # Every item meets every other one.
        table = draw(users=1_500, items=1_000, rows=60_000, seed=13).select(["user", "item"])
        columns = {"user": "user", "item": "item"}
        for top in (50, 300) if FULL else (300,):
            found = similar_items(
                frame(table), job={"top": top}, memory_bytes=8 << 20, rows_at_once=0, **columns
            )
            assert_same(self, found, native(table, {"top": top}, **columns))

    def test_what_is_found_counts_and_so_do_weights(self):
        supports = [200] * 100_000
        few, more, weighted = (
            len(self.plan(supports, 1 << 28, **job).blocks)
            for job in ({"top": 5}, {"top": 50}, {"top": 50, "is_weighted": True})
        )
        self.assertLess(few, more)
        self.assertLess(more, weighted)
        # Two blocks and what all of their items find, as measured: docs/scale.md.
        width = max(block.end - block.first for block in self.plan(supports, 1 << 28).blocks)
        self.assertLess(2 * width * 115 * 50, 1 << 28)

    def test_a_plan_that_fits_no_instance_says_from_where_on_it_does(self):
        for supports, memory, words in [
            ([3_000_000, 5], 64 << 20, r"64 MiB the items are too large.*set memory_bytes=268435456"),
            ([900] * 60_000, 8 << 20, r"make more than 500 blocks; set memory_bytes=16777216"),
            ([2**31], 64 << 20, r"drop items with min_support"),
        ]:
            with self.subTest(words), self.assertRaisesRegex(Refused, words) as refused:
                self.plan(supports, memory)
            if enough := re.search(r"memory_bytes=(\d+)", str(refused.exception)):
                self.plan(supports, int(enough[1]))

    def test_rows_that_are_too_many_for_an_instance_are_taken_in_halves(self):
        def compare(first, end):
            if end - first > most:
                raise OutOfMemory("full")
            return [(first, end)]

        most = 3
        self.assertEqual(tiling.in_halves(compare, 0, 10), [(0, 2), (2, 5), (5, 7), (7, 10)])
        most = 0
        with self.assertRaises(OutOfMemory):
            tiling.in_halves(compare, 0, 10)

    def test_offers_are_merged_in_pieces_as_they_are_whole(self):
        random = numpy.random.default_rng(14)
        number = lambda bound: random.integers(0, bound, 5_000)
        # Two items of most offers, and many of few.
        offers = Offers(number(40) ** 2 // 99, random.permutation(5_000), number(9).astype("<f4"), number(5))
        whole, instance = merge(6, offers), Instance(load())
        courier = mock.Mock(instance=lambda: instance)
        for most in (1, 10, 1_000, 4_999):
            self.assertGreater(len(list(merging._pieces(offers, most))), 1)
            with mock.patch.object(merging, "offers_at_once", lambda *_, most=most: most):
                found = merging.best_of(6, offers, courier)
            for mine, theirs in zip(vars(found).values(), vars(whole).values()):
                self.assertTrue(numpy.array_equal(mine, theirs))


class Checkpoints(unittest.TestCase):
    def test_lists_are_told_apart_by_their_ids(self):
        mark = lambda ids: running.Lists(only=ids).mark()
        ids = numpy.arange(3_000)
        other = ids.copy()
        other[1_500] = 9_999_999
        same = [list(ids), tuple(ids), iter(ids), pandas.Series(ids), map(str, ids)]
        self.assertEqual({mark(listed) for listed in same}, {mark(ids)})
        self.assertNotEqual(mark(ids), mark(other))
        self.assertNotEqual(running.Lists(only=["a"]).mark(), running.Lists(exclude=["a"]).mark())
        tables = [[1, 1], [2, 2], [1, 2]]
        marks = {mark(spark.createDataFrame([(id,) for id in ids], "id int")) for ids in tables}
        self.assertEqual(len(marks), len(tables))

    def test_what_is_missing_is_computed_and_nothing_else(self):
        table = draw(users=3_000, items=900, rows=60_000, seed=3)
        columns = {"user": "user", "item": "item"}
        request = {"df": frame(table), "job": {"top": 9}, "slots": 8, "rows_at_once": 0, **columns}
        with tempfile.TemporaryDirectory() as folder:
            similar_items(checkpoint=folder, **request)
            tiles = sorted(pathlib.Path(folder, "tiles").glob("*/offers.parquet"))
            self.assertGreater(len(tiles), 2)
            lost, *kept = tiles
            stamps = [tile.stat().st_mtime_ns for tile in kept]
            lost.unlink()
            pathlib.Path(folder, "done/neighbours").unlink()
            found = similar_items(checkpoint=folder, **request)
            self.assertEqual([tile.stat().st_mtime_ns for tile in kept], stamps)
            self.assertEqual(json.loads(pathlib.Path(folder, "run.json").read_text())["tiles"]["computed"], 1)
            expected = native(table, {"top": 9}, **columns)
            assert_same(self, found, expected)
            # Another job, or other rows, do not get what this one left.
            for other in [{"job": {"top": 8}}, {"df": frame(table.slice(1))}]:
                self.assertIn("another", str(refusal(self, **(request | other), checkpoint=folder)))
            self.damage(folder, lost, request)

    def damage(self, folder: str, lost: pathlib.Path, request: dict):
        """A task that fails names its tile, and its executor."""
        for block in pathlib.Path(folder, "blocks").glob("*.arrow"):
            data = bytearray(block.read_bytes())
            data[len(data) // 2] ^= 1
            block.write_bytes(data)
        lost.unlink()
        pathlib.Path(folder, "done/neighbours").unlink()
        with self.assertRaises(TaskFailed) as failed:
            similar_items(checkpoint=folder, **request)
        message = str(failed.exception)
        self.assertNotIn("\n", message)
        self.assertRegex(message, r"^tile 0 \(rows of block \d+, columns of block \d+\) failed on the driver's own")
        self.assertIn("is not what was written there", message)


class Elsewhere(unittest.TestCase):
    """What is not there everywhere."""

    def setUp(self):
        self.table = draw(users=2_000, items=400, rows=30_000, seed=12)
        self.columns = {"user": "user", "item": "item"}
        self.expected = native(self.table, **self.columns)

    def find(self, **more):
        return similar_items(frame(self.table), **self.columns, **more)

    def test_a_folder_that_no_machine_mounts(self):
        # Spark finds it by Hadoop's name, Arrow by its own: here both lead into one folder.
        address = "viewfs://shop/ilk"
        with tempfile.TemporaryDirectory() as folder:
            arrow = pyarrow.fs.SubTreeFileSystem(folder, pyarrow.fs.LocalFileSystem())
            hadoop = spark.sparkContext._jsc.hadoopConfiguration()
            hadoop.set("fs.viewfs.mounttable.shop.link./ilk", f"file://{folder}")
            from_uri = lambda place: (arrow, place.removeprefix(f"{address}/"))
            with mock.patch.object(pyarrow.fs, "FileSystem", mock.Mock(from_uri=from_uri)):
                for name, most in [("many", 0), ("one", 1 << 20)]:
                    found = self.find(checkpoint=f"{address}/{name}", slots=8, rows_at_once=most)
                    assert_same(self, found, self.expected)
                    again = self.find(checkpoint=f"{address}/{name}", slots=8, rows_at_once=most)
                    assert_same(self, again, self.expected)
                self.assertEqual(self.find(scratch=address).count(), len(self.expected))
            # Nothing is left of the job that keeps nothing but its neighbours, which go at the end.
            self.assertEqual({path.name for path in pathlib.Path(folder).glob("[!i]*")}, {"many", "one"})
            self.assertTrue(list(pathlib.Path(folder, "many/tiles").glob("*/offers.parquet")))

    def test_a_spark_that_cannot_place_rows_by_number(self):
        # That came with Spark 4.1.
        frames = type(frame(self.table))
        missing = {"new_callable": mock.PropertyMock, "create": True, "side_effect": AttributeError}
        with mock.patch.object(frames, "repartitionById", **missing):
            self.assertFalse(hasattr(frame(self.table), "repartitionById"))
            assert_same(self, self.find(slots=8, rows_at_once=0), self.expected)


class Ladder(unittest.TestCase):
    def test_samples_are_those_of_the_program_and_the_ladder_is_climbed(self):
        table = draw(users=2_000, items=300, rows=40_000, seed=4)
        table = table.filter(pyarrow.compute.is_valid(table["user"]))
        with tempfile.TemporaryDirectory() as folder:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                rungs = similar_items(
                    frame(table), user="user", item="item", checkpoint=folder, dry_run=True
                ).collect()
            self.assertIn("pair operations", printed.getvalue())
            self.assertEqual([row["rate"] for row in rungs], [0.01, 0.1, 0.2, 0.4])
            self.assertTrue(all(row["measured"] > 0 and row["predicted"] > 0 for row in rungs))
            path, out = f"{folder}/all.parquet", f"{folder}/some.parquet"
            pyarrow.parquet.write_table(table, path)
            command = [ILK, "sample", path, "--user", "user", "--item", "item", "--rate", "10%", "--out", out]
            subprocess.run(command, check=True, capture_output=True)
            theirs = set(pyarrow.parquet.read_table(out)["user"].to_pylist())
            mine = {row["who"] for row in spark.read.parquet(f"{folder}/rung-10/baskets").select("who").collect()}
            self.assertEqual(mine, theirs)
            self.assertEqual(rungs[1]["users"], len(theirs))


if __name__ == "__main__":
    unittest.main()
