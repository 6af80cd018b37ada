"""Compares a table of neighbours with all similarities of another library.

Neighbours are compared as sets up to ties: the score at each rank must be the reference's score at
that rank, and the score of each pair must be the reference's score of that pair. So a neighbour
may differ only if it is as similar as the one it stands for.
"""

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

RELATIVE = 1e-6


@dataclass
class Neighbours:
    """A table of neighbours, row by row, with items as codes in ascending id order."""

    item: np.ndarray
    neighbour: np.ndarray
    rank: np.ndarray
    score: np.ndarray
    overlap: np.ndarray

    def take(self, rows):
        """The rows of a mask or an index."""
        return Neighbours(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass
class Verdict:
    """What came of a comparison; `faults` is empty if all is well."""

    items: int = 0
    pairs: int = 0
    worst: float = 0.0
    faults: list[str] = field(default_factory=list)

    def fault(self, what, where):
        """Notes a fault if any row is marked in `where`, with the number of rows and the first."""
        rows = np.flatnonzero(where)
        if len(rows):
            self.faults.append(f"{what}: {len(rows)} rows, first row {rows[0]}")


def compare(found, scores, overlaps, top, items=None, absolute=1e-12):
    """Compares `found` with the reference.

    `scores`: items x items, an entry for every pair that qualifies, none on the diagonal.
    `overlaps`: items x items, users of both. `top`: neighbours asked for per item.
    `items`: codes of the items to compare, if the reference does not have all.
    `absolute`: difference that is let pass whatever the score (where the reference itself cancels).
    """
    verdict = Verdict()
    if not check_form(found, scores.shape[0], verdict):
        return verdict
    items = np.arange(scores.shape[0]) if items is None else np.asarray(items)
    found = found.take(np.isin(found.item, items))
    reference = scores.tocsr()
    check_pairs(found, reference, overlaps.tocsr(), absolute, verdict)
    check_ranks(found, reference, items, top, absolute, verdict)
    if verdict.pairs == 0:
        verdict.faults.append("there is nothing to compare")
    return verdict


def check_form(found, size, verdict):
    """Checks what holds for every table, whatever the scores. False if codes are out of range."""
    for name in ("item", "neighbour"):
        codes = getattr(found, name)
        verdict.fault(f"{name} is not in the data", (codes < 0) | (codes >= size))
    if verdict.faults:
        return False
    same = found.item[1:] == found.item[:-1]
    first = np.r_[True, ~same][: len(found.item)]
    verdict.fault("items are not in ascending order", found.item[1:] < found.item[:-1])
    verdict.fault("an item's first rank is not 1", first & (found.rank != 1))
    verdict.fault("ranks have gaps", same & (np.diff(found.rank) != 1))
    verdict.fault("an item is its own neighbour", found.item == found.neighbour)
    verdict.fault("a score is not finite", ~np.isfinite(found.score))
    verdict.fault("scores ascend", same & ~(found.score[1:] <= found.score[:-1]))
    tied = same & (found.score[1:] == found.score[:-1])
    verdict.fault("ties are not by ascending item", tied & (np.diff(found.neighbour) <= 0))
    keys = found.item * size + found.neighbour
    verdict.fault("a pair is there twice", np.diff(np.sort(keys)) == 0)
    return True


def check_pairs(found, scores, overlaps, absolute, verdict):
    """Checks score and overlap of each pair."""
    expected, known = lookup(scores, found)
    verdict.fault("a pair is none in the reference", ~known)
    wrong, difference = differs(found.score[known], expected[known], absolute)
    verdict.fault("the score is not that of the reference", spread(wrong, known))
    shared, _ = lookup(overlaps, found)
    verdict.fault("the overlap is wrong", shared != found.overlap)
    verdict.pairs = int(known.sum())
    verdict.worst = float(difference.max(initial=0.0))


def check_ranks(found, scores, items, top, absolute, verdict):
    """Checks that each item has as many neighbours as it should, and the best."""
    begins = np.searchsorted(found.item, items, "left")
    ends = np.searchsorted(found.item, items, "right")
    counts_differ = 0
    missed = 0
    for item, begin, end in zip(items, begins, ends):
        best = -scores.data[scores.indptr[item] : scores.indptr[item + 1]]
        if len(best) > top:
            best = np.partition(best, top - 1)[:top]
        best = -np.sort(best)
        verdict.items += int(len(best) > 0)
        if len(best) != end - begin:
            counts_differ += 1
            if counts_differ == 1:
                place = f"item {item} has {end - begin} neighbours, expected {len(best)}"
            continue
        missed += int(differs(found.score[begin:end], best, absolute)[0].any())
    if counts_differ:
        verdict.faults.append(f"number of neighbours: {counts_differ} items, first: {place}")
    if missed:
        verdict.faults.append(f"better neighbours were left out: {missed} items")


def differs(found, expected, absolute):
    """Which scores differ by more than is let pass, and all relative differences."""
    difference = np.abs(found - expected)
    size = np.abs(expected)
    # Written so that NaN differs.
    wrong = ~(difference <= RELATIVE * size + absolute)
    relative = np.divide(difference, size, out=np.zeros_like(difference), where=size > absolute)
    return wrong, relative


def lookup(matrix, found):
    """The matrix's entries at the found pairs, and which of them there are."""
    matrix = matrix.sorted_indices()
    size = matrix.shape[1]
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    keys = rows * size + matrix.indices
    wanted = found.item * size + found.neighbour
    places = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    if len(keys) == 0:
        return np.zeros(len(wanted)), np.zeros(len(wanted), bool)
    known = keys[places] == wanted
    return np.where(known, matrix.data[places], 0), known


def spread(marks, mask):
    """`marks` of the rows in `mask`, as marks of all rows."""
    whole = np.zeros(len(mask), bool)
    whole[mask] = marks
    return whole


def without_diagonal(matrix):
    """The matrix with its diagonal and its zeros taken out."""
    matrix = sp.coo_array(matrix)
    keep = (matrix.row != matrix.col) & (matrix.data != 0)
    entries = (matrix.data[keep], (matrix.row[keep], matrix.col[keep]))
    return sp.csr_array(entries, shape=matrix.shape)
