"""What is missing from a result is said: as warnings, or to `on_notes`."""

import unittest
import warnings

import pandas
import pyarrow

import ilk_plugin
from ilk_plugin import IlkWarning

NAMES = {"user": "user", "item": "item"}
TABLE = pyarrow.table(
    {
        "user": [1, 1, None, 2, 2, 3, 3, 3],
        "item": ["a", "b", "a", None, "a", "b", "a", "b"],
        "much": [1.0, 1.0, 1.0, 1.0, 1.0, -2.0, float("nan"), 1.0],
    }
)


class Warnings(unittest.TestCase):
    def told(self, table=TABLE, **request) -> list[str]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            ilk_plugin.similar_items(table, **NAMES | request)
        for warning in caught:
            self.assertIs(warning.category, IlkWarning)
            # The line is the caller's.
            self.assertEqual(warning.filename, __file__)
        return [str(warning.message) for warning in caught]

    def test_rows_that_were_set_aside_are_counted_by_reason(self):
        self.assertEqual(
            self.told(weight="much"),
            [
                "4 rows were set aside (50.00 % of 8): 1 without a user ID (the first is row 3), "
                "1 without an item ID (the first is row 4), 1 with an invalid weight (the first is row 7), "
                "1 with a weight of 0 or less (the first is row 6); pass on_notes to receive these counts "
                "instead of a warning"
            ],
        )

    def test_what_was_asked_for_is_no_surprise(self):
        rows = TABLE.slice(4)
        self.assertEqual(self.told(rows), [])
        self.assertEqual(self.told(rows, where=["item=b"]), [])
        self.assertEqual(self.told(rows, job={"min_support": 2, "max_items_per_user": 1}), [])
        returns = rows.filter(pyarrow.compute.is_finite(rows["much"]))
        self.assertIn("1 row was set aside", self.told(returns, weight="much")[0])
        for way in ["drop", "net"]:
            self.assertEqual(self.told(returns, weight="much", job={"negative_weights": way}), [])

    def test_settings_without_effect_are_named(self):
        rows = TABLE.slice(4)
        told = self.told(rows, time_unit="ms", time_format="%Y-%m-%d")
        self.assertEqual(told, ["time_unit, time_format have no effect without time"])

    def test_lists_that_match_nothing_are_named(self):
        rows = TABLE.slice(4)
        for lists, text in [
            ({"exclude": ["x"]}, "the ID in exclude is not in the data; list IDs as their column has them"),
            ({"exclude": ["x", "y", "x"]}, "none of the 2 IDs in exclude is in the data; list"),
        ]:
            with self.subTest(lists):
                told = self.told(rows, **lists)
                self.assertEqual(len(told), 1)
                self.assertTrue(told[0].startswith(text), told[0])
        for lists in [{"only": ["a", "x"]}, {"exclude": []}]:
            self.assertEqual(self.told(rows, **lists), [], lists)
        for name in ["only", "wanted"]:
            with self.assertRaisesRegex(ilk_plugin.Refused, f"{name}: its only ID, `x`, is not in the data"):
                self.told(rows, **{name: ["x"]})
            for empty in [[], pandas.Series([None])]:
                with self.assertRaisesRegex(ilk_plugin.Refused, f"{name} leaves no neighbours"):
                    self.told(rows, **{name: empty})

    def test_who_receives_notes_is_not_warned(self):
        notes = []
        self.assertEqual(self.told(weight="much", exclude=["x"], on_notes=notes.extend), [])
        self.assertEqual(
            [note.code for note in notes],
            ["rows", "null_user", "null_item", "bad_weight", "nonpositive_weight", "unknown_ids"],
        )

    def test_sessions_leave_it_to_their_notes(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            session = ilk_plugin.Session(**NAMES)
            session.add(TABLE)
            while not session.step()["finished"]:
                pass
            self.assertEqual(len(session.notes()), 3)

    def test_warnings_can_be_errors(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error", IlkWarning)
            with self.assertRaises(IlkWarning):
                ilk_plugin.similar_items(TABLE, **NAMES)


if __name__ == "__main__":
    unittest.main()
