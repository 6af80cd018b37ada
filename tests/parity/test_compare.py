"""The comparison lets right neighbours pass and finds wrong ones."""

import unittest

import numpy as np
import scipy.sparse as sp
from compare import Neighbours, compare, without_diagonal

TOP = 4


def right_answer(scores, overlaps, top=TOP):
    """The neighbours of all items in the total order: score descending, then item ascending."""
    rows = []
    for item in range(scores.shape[0]):
        row = scores[[item]].tocoo()
        best = sorted(zip(-row.data.astype(np.float32), row.col))[:top]
        rows += [(item, code, rank, -score) for rank, (score, code) in enumerate(best, 1)]
    item, neighbour, rank, score = (np.array(column) for column in zip(*rows))
    overlap = np.array([overlaps[pair] for pair in zip(item, neighbour)])
    return Neighbours(item, neighbour, rank, score.astype(np.float64), overlap)


class Comparison(unittest.TestCase):
    def setUp(self):
        random = np.random.default_rng(7)
        users = sp.csr_array((random.random((60, 30)) < 0.15).astype(float))
        self.overlaps = without_diagonal(users.T @ users)
        support = users.sum(axis=0)
        pairs = self.overlaps.tocoo()
        data = pairs.data / (support[pairs.row] + support[pairs.col] - pairs.data)
        self.scores = sp.csr_array((data, (pairs.row, pairs.col)), shape=pairs.shape)
        self.found = right_answer(self.scores, self.overlaps)

    def faults(self, **options):
        verdict = compare(self.found, self.scores, self.overlaps, TOP, **options)
        return " | ".join(verdict.faults)

    def row_where(self, condition):
        rows = np.flatnonzero(condition)
        self.assertGreater(len(rows), 0, "the data has no such row")
        return rows[0]

    def swap(self, one, other, names):
        for name in names:
            column = getattr(self.found, name)
            column[[one, other]] = column[[other, one]]

    def test_the_right_answer_passes(self):
        verdict = compare(self.found, self.scores, self.overlaps, TOP)
        self.assertEqual(verdict.faults, [])
        self.assertEqual(verdict.items, 30)
        self.assertEqual(verdict.pairs, len(self.found.item))
        self.assertLess(verdict.worst, 1e-7)

    def test_a_tie_may_be_decided_either_way(self):
        found = self.found
        for item in range(30):
            mine = np.flatnonzero(found.item == item)
            row = self.scores[[item]].tocoo()
            equal = np.float32(row.data) == np.float32(found.score[mine[-1]])
            others = set(row.col[equal]) - set(found.neighbour[mine])
            if others:
                found.neighbour[mine[-1]] = max(others)
                found.overlap[mine[-1]] = self.overlaps[item, max(others)]
                self.assertEqual(self.faults(), "")
                return
        self.fail("the data has no tie at the last rank")

    def test_a_wrong_score_is_found(self):
        self.found.score[0] *= 1 + 3e-6
        self.assertIn("score is not that of the reference", self.faults())

    def test_scores_that_are_all_off_are_found(self):
        self.found.score *= 1.00001
        self.assertIn("score is not that of the reference", self.faults())

    def test_a_score_that_is_no_number_is_found(self):
        self.found.score[5] = np.nan
        self.assertIn("not finite", self.faults())
        self.assertIn("score is not that of the reference", self.faults())

    def test_a_wrong_overlap_is_found(self):
        self.found.overlap[3] += 1
        self.assertEqual(self.faults(), "the overlap is wrong: 1 rows, first row 3")

    def test_a_worse_neighbour_is_found(self):
        item = 4
        row = self.scores[[item]].tocoo()
        worst = row.col[np.argmin(row.data)]
        place = np.flatnonzero(self.found.item == item)[-1]
        self.assertLess(row.data.min(), self.found.score[place])
        self.found.neighbour[place] = worst
        self.found.score[place] = row.data.min()
        self.found.overlap[place] = self.overlaps[item, worst]
        self.assertEqual(self.faults(), "better neighbours were left out: 1 items")

    def test_a_missing_neighbour_is_found(self):
        last = self.row_where(np.r_[self.found.item[1:] != self.found.item[:-1], True])
        self.found = self.found.take(np.arange(len(self.found.item)) != last)
        self.assertIn("number of neighbours: 1 items", self.faults())

    def test_a_missing_item_is_found(self):
        self.found = self.found.take(self.found.item != 11)
        self.assertIn("item 11 has 0 neighbours", self.faults())

    def test_an_empty_answer_is_found(self):
        self.found = self.found.take(self.found.item < 0)
        self.assertIn("number of neighbours: 30 items", self.faults())

    def test_an_empty_reference_is_found(self):
        self.scores, self.found = sp.csr_array((30, 30)), self.found.take([])
        self.assertIn("nothing to compare", self.faults())

    def test_a_pair_that_is_none_is_found(self):
        absent = np.argwhere(self.scores.toarray() + np.eye(30) == 0)[0]
        place = self.row_where(self.found.item == absent[0])
        self.found.neighbour[place] = absent[1]
        self.assertIn("a pair is none in the reference", self.faults())

    def test_an_unknown_item_is_found(self):
        self.found.neighbour[2] = -1
        self.assertEqual(self.faults(), "neighbour is not in the data: 1 rows, first row 2")

    def test_an_item_as_its_own_neighbour_is_found(self):
        self.found.neighbour[2] = self.found.item[2]
        self.assertIn("its own neighbour", self.faults())

    def test_a_neighbour_twice_is_found(self):
        self.found.neighbour[1] = self.found.neighbour[0]
        self.assertIn("a pair is there twice", self.faults())

    def test_ranks_out_of_order_are_found(self):
        self.swap(0, 1, ["rank"])
        self.assertIn("first rank is not 1", self.faults())
        self.setUp()
        self.found.rank[2] += 1
        self.assertIn("ranks have gaps", self.faults())

    def test_ascending_scores_are_found(self):
        same = self.found.item[1:] == self.found.item[:-1]
        row = self.row_where(same & (np.diff(self.found.score) < -1e-3))
        self.swap(row, row + 1, ["neighbour", "score", "overlap"])
        self.assertIn("scores ascend", self.faults())

    def test_ties_in_the_wrong_order_are_found(self):
        same = self.found.item[1:] == self.found.item[:-1]
        row = self.row_where(same & (np.diff(self.found.score) == 0))
        self.swap(row, row + 1, ["neighbour", "overlap"])
        self.assertEqual(
            self.faults(), f"ties are not by ascending item: 1 rows, first row {row}"
        )

    def test_items_out_of_order_are_found(self):
        order = np.lexsort((self.found.rank, -self.found.item))
        self.found = self.found.take(order)
        self.assertIn("items are not in ascending order", self.faults())

    def test_a_part_of_the_items_is_compared_alone(self):
        self.found.overlap[self.found.item == 3] += 1
        self.assertEqual(self.faults(items=[0, 2, 4]), "")
        self.assertIn("the overlap is wrong", self.faults(items=[0, 3]))


if __name__ == "__main__":
    unittest.main()
