"""Tables as people have them: what is read, and how the rest is refused."""

import datetime
import unittest
import warnings

import numpy
import pandas
import polars
import pyarrow
import pyarrow.dataset

import ilk_plugin

NAMES = {"user": "user", "item": "item"}
ITEMS = ["a", "b", "b"]


def setUpModule():
    warnings.simplefilter("ignore", ilk_plugin.IlkWarning)


def items_of(table, **request) -> list:
    return list(ilk_plugin.similar_items(table, **NAMES | request)["item"])


class Inputs(unittest.TestCase):
    def refusal(self, table, kind=ilk_plugin.Refused, **request) -> str:
        with self.assertRaises(kind) as refused:
            ilk_plugin.similar_items(table, **NAMES | request)
        self.assertNotIn("\n", str(refused.exception))
        return str(refused.exception)

    def test_users_in_every_kind_of_column(self):
        # The second has no ID, or is another user.
        for users in [
            pandas.array([1, None, 1], dtype="Int64"),
            pandas.array([1, None, 1], dtype="Float64"),
            pandas.array(["x", None, "x"], dtype="string[pyarrow]"),
            pandas.array(["x", None, "x"], dtype=pandas.ArrowDtype(pyarrow.dictionary(pyarrow.int8(), pyarrow.string()))),
            pandas.Categorical(["x", None, "x"]),
            pandas.Categorical([1, None, 1]),
            pandas.arrays.SparseArray([1, 0, 1]),
            numpy.array([1.0, numpy.nan, 1.0]),
            numpy.array([2**63, 5, 2**63], dtype=object),
            numpy.array([2**64 - 1, 5, 2**64 - 1], dtype="u8"),
            [b"x", None, b"x"],
        ]:
            with self.subTest(users):
                frame = pandas.DataFrame({"user": users, "item": ITEMS})
                self.assertEqual(items_of(frame), ["a", "b"])

    def test_items_keep_their_kind(self):
        for items in [
            pandas.array([1, 2, 2], dtype="Int64"),
            numpy.array([2**63, 2**64 - 1, 5], dtype=object),
            numpy.array([1.0, 2.0, 3.0]),
            pandas.Categorical(["a", "b", "c"]),
        ]:
            frame = pandas.DataFrame({"user": [1, 1, 2], "item": items})
            self.assertEqual(items_of(frame), list(items)[:2])
        for kind in [polars.Categorical, polars.Enum(["a", "b"]), polars.String]:
            frame = polars.DataFrame({"user": [1, 1, 2], "item": ITEMS}).with_columns(polars.col("item").cast(kind))
            self.assertEqual(items_of(frame), ["a", "b"])

    def test_readers_are_read_a_batch_at_a_time(self):
        batches = [pyarrow.record_batch({"user": [n, n], "item": ["a", "b"], "unused": [0, 0]}) for n in range(5)]
        alive = []

        def read():
            for batch in batches:
                alive.append(batch)
                yield batch
                self.assertEqual(len(alive), 1)
                alive.clear()

        reader = pyarrow.RecordBatchReader.from_batches(batches[0].schema, read())
        found = ilk_plugin.similar_items(reader, **NAMES)
        self.assertEqual(found["overlap"].to_pylist(), [5, 5])
        # Each batch has a dictionary of its own.
        chunks = [pyarrow.array(texts).dictionary_encode() for texts in [["a", "b"], ["c", "a"]]]
        table = pyarrow.table({"user": [1, 1, 1, 2], "item": pyarrow.chunked_array(chunks)})
        expected = [["a", "b"], ["a", "c"], ["b", "a"], ["b", "c"], ["c", "a"], ["c", "b"]]
        for given in [table, table.to_reader(), polars.from_arrow(table)]:
            found = ilk_plugin.similar_items(given, **NAMES)
            pairs = sorted(map(list, zip(list(found["item"]), list(found["neighbour"]))), key=str)
            self.assertEqual([[str(id) for id in pair] for pair in pairs], expected)

    def test_columns_are_named_by_their_argument(self):
        frame = pandas.DataFrame({"user": [1, 1], "item": ["a", "b"], "at": [1.5, 2.5], "yes": [True, False]})
        for words, request in [
            ("user='usr': the table has no column `usr` (did you mean `user`?)", {"user": "usr"}),
            ("item_label='title': the table has no column `title`", {"item_label": "title"}),
            ("where='contry=FR': the table has no column `contry`", {"where": ["contry=FR"]}),
            ("user='at': column `at` of the table, row 1: ID 1.5 is not whole", {"user": "at"}),
            ("item='yes': column `yes` of the table is booleans, expected", {"item": "yes"}),
            ("time='yes': column `yes` of the table is booleans, expected", {"time": "yes"}),
            ("weight is ''; give the name of a column", {"weight": ""}),
        ]:
            self.assertIn(words, self.refusal(frame, **request))
        self.assertIn("`user` is an index of the table", self.refusal(frame.set_index("user")))
        periods = pandas.DataFrame({"user": pandas.period_range("2026", periods=2, freq="D"), "item": ["a", "b"]})
        self.assertIn("user='user': column `user` has values", self.refusal(periods))

    def test_tables_without_rows_or_columns_are_refused(self):
        for frame in [
            pandas.DataFrame(columns=["user", "item"]),
            pandas.DataFrame({"user": [1], "item": ["a"]}).iloc[:0],
            polars.DataFrame({"user": [], "item": []}),
            pyarrow.table({"user": [], "item": []}),
        ]:
            self.assertEqual(self.refusal(frame), "the table has no rows")
        for frame in [pandas.DataFrame(), polars.DataFrame()]:
            self.assertEqual(self.refusal(frame), "the table has no columns")

    def test_what_is_no_table_is_told_how_to_become_one(self):
        arrow = pyarrow.table({"user": [1], "item": [2]})
        for words, thing in [
            ("call .collect()", polars.LazyFrame({"user": [1]})),
            ("pandas.DataFrame(…)", {"user": [1]}),
            ("columns=['user', 'item']", numpy.zeros((2, 2))),
            ("read the file first", "orders.parquet"),
            ("call .to_table()", pyarrow.dataset.dataset(arrow)),
            ("give a data frame with", pandas.Series([1])),
            ("give a pandas or polars data frame", None),
        ]:
            self.assertIn(words, self.refusal(thing, TypeError))

    def test_settings_of_files_are_refused_by_name(self):
        table = pyarrow.table({"user": [1], "item": ["a"]})
        for name in ["labels", "group", "item_separator", "null", "delimiter", "encoding", "input_format"]:
            with self.assertRaisesRegex(TypeError, f"'{name}'"):
                ilk_plugin.similar_items(table, **NAMES, **{name: "x"})

    def test_what_leaves_nothing_is_named(self):
        table = pyarrow.table({"user": [1, 1, 2, 3], "item": ["a", "b", "a", "c"]})
        for words, request in [
            (
                "threshold 2 leaves no neighbours; the highest score of the most popular items is 0.70710677",
                {"job": {"threshold": 2}},
            ),
            ("wanted leaves no neighbours; leave out wanted to see what there is", {"wanted": ["c"]}),
            ("wanted and threshold 0.5 leave no neighbours", {"wanted": ["c"], "job": {"threshold": 0.5}}),
            (
                "only: its only ID, `x`, is not in the data; the data has IDs such as `a`, `b`, `c`",
                {"only": ["x"]},
            ),
            ("no row is left of 4 (filtered: 4); change the conditions of where: item=x", {"where": ["item=x"]}),
        ]:
            self.assertEqual(self.refusal(table, **request)[: len(words)], words)
        apart = pyarrow.table({"user": [1, 2], "item": ["a", "b"], "w": [1.0, 2.0]})
        for request in [{}, {"weight": "w", "job": {"like": "lenskit-itemknn"}}]:
            self.assertEqual(len(ilk_plugin.similar_items(apart, **NAMES, **request)), 0)

    def test_settings_are_named_as_they_are_given(self):
        table = pyarrow.table({"user": [1], "item": ["a"], "at": [datetime.date(2026, 1, 1)]})
        for words, request in [
            ("measure is 'lrr'; did you mean 'llr'? Or choose one of", {"job": {"measure": "lrr"}}),
            ("weighting is 3; choose one of", {"job": {"weighting": 3}}),
            ("the job has no setting 'tops'; did you mean top?", {"job": {"tops": 3}}),
            ("top is 5.0; give a whole number", {"job": {"top": 5.0}}),
            ("time_unit is 'h'; choose one of", {"time": "at", "time_unit": "h"}),
            ("time_format is 5; give a string", {"time": "at", "time_format": 5}),
            ("only has a list", {"only": [[1]]}),
            ("only is DataFrame; give a list", {"only": pandas.DataFrame({"item": [1]})}),
        ]:
            message = self.refusal(table, **request)
            self.assertIn(words, message)
            # A position in JSON is of no help to who wrote none.
            self.assertNotIn("line 1", message)


if __name__ == "__main__":
    unittest.main()
