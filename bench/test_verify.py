"""Tests of verify.py: a comparison that lets wrong neighbours pass is worth nothing."""

import unittest

import numpy as np
from verify import compare


def table(rows):
    item, neighbour, score = zip(*rows)
    return np.array(item), np.array(neighbour), np.array(score, float)


ONE = [(0, 1, 0.9), (0, 2, 0.5), (1, 0, 0.9), (2, 0, 0.5), (2, 3, 0.2), (3, 2, 0.2)]


class Compare(unittest.TestCase):
    def complaint(self, other, k=2, one=ONE, tolerance=1e-5):
        return compare(table(one), table(other), k, tolerance, 5)[0]

    def test_the_same_in_any_order_passes(self):
        self.assertIsNone(self.complaint(ONE[::-1]))

    def test_scores_within_the_tolerance_pass(self):
        self.assertIsNone(self.complaint([(i, j, s + 5e-6) for i, j, s in ONE]))

    def test_more_than_k_rows_are_cut(self):
        self.assertIsNone(self.complaint([*ONE, (0, 3, 0.4)]))

    def test_another_score_is_found(self):
        self.assertEqual(self.complaint([(0, 1, 0.8), *ONE[1:]])[0], 0)

    def test_a_missing_row_is_found(self):
        self.assertEqual(self.complaint(ONE[1:])[0], 0)

    def test_a_tie_for_the_last_place_may_break_either_way(self):
        self.assertIsNone(self.complaint([ONE[0], (0, 4, 0.5), *ONE[2:]]))

    def test_another_neighbour_above_the_last_place_is_found(self):
        self.assertEqual(self.complaint([(0, 4, 0.9), *ONE[1:]])[0], 0)

    def test_another_neighbour_of_an_item_with_few_is_found(self):
        self.assertEqual(self.complaint([*ONE[:2], (1, 4, 0.9), *ONE[3:]])[0], 1)

    def test_scores_that_are_no_numbers_are_found(self):
        self.assertIsNotNone(self.complaint([(0, 1, float("nan")), *ONE[1:]]))


if __name__ == "__main__":
    unittest.main()
