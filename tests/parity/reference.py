"""Similarities of all pairs, as other libraries compute them or as papers define them."""

import warnings
from functools import cached_property

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from compare import without_diagonal
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
from scipy.special import xlogy
from scipy.stats import power_divergence
from sklearn.metrics.pairwise import cosine_similarity, pairwise_distances


class Interactions:
    """Users x items after the defaults of `ilk run`.

    Rows with a null id, and with a weight that is no number or not above 0, are dropped. Rows of
    one user and item are summed if there is a weight, and count once if there is none.
    """

    def __init__(self, table, user, item, weight=None, min_support=1):
        columns = {name: table[name] for name in (user, item, weight) if name is not None}
        kept = pa.table(columns).drop_null()
        weights = np.ones(kept.num_rows)
        if weight is not None:
            weights = kept[weight].to_numpy().astype(np.float64)
            positive = np.isfinite(weights) & (weights > 0)
            kept, weights = kept.filter(pa.array(positive)), weights[positive]
        users, user_codes = codes(kept[user])
        items, item_codes = codes(kept[item])
        entries = (weights, (user_codes, item_codes))
        matrix = sp.coo_array(entries, shape=(len(users), len(items))).tocsr()
        if weight is None:
            matrix.data[:] = 1
        self.population = matrix.shape[0]
        supported = np.bincount(matrix.indices, minlength=len(items)) >= min_support
        matrix = matrix[:, supported]
        present = np.diff(matrix.indptr) > 0
        self.items, self.users = items[supported], users[present]
        self.matrix = sp.csr_matrix(matrix[present])
        self.matrix.sort_indices()

    @classmethod
    def of_users(cls, interactions):
        """The same with users as items."""
        turned = cls.__new__(cls)
        turned.items, turned.users = interactions.users, interactions.items
        turned.population = len(turned.users)
        turned.matrix = sp.csr_matrix(interactions.matrix.T)
        turned.matrix.sort_indices()
        return turned

    def weighted(self, change):
        """The same with `change` applied to the matrix of weights."""
        changed = Interactions.__new__(Interactions)
        changed.items, changed.users, changed.matrix = self.items, self.users, change(self.matrix)
        changed.population = self.population
        return changed

    @cached_property
    def binary(self):
        """The matrix with every weight 1."""
        binary = self.matrix.copy()
        binary.data[:] = 1
        return binary

    @cached_property
    def overlaps(self):
        """Items x items: users of both."""
        return without_diagonal(self.binary.T @ self.binary)

    @cached_property
    def pairs(self):
        """c, a, b and N of every pair with c > 0."""
        overlaps = self.overlaps.tocoo()
        support = np.bincount(self.matrix.indices, minlength=len(self.items)).astype(np.float64)
        return overlaps.data, support[overlaps.row], support[overlaps.col], self.population

    def scores(self, formula, only=None):
        """Items x items: `formula`(c, a, b, N) of every pair, or of those where `only` holds."""
        scores = formula(*self.pairs)
        overlaps = self.overlaps.tocoo()
        keep = np.ones(len(scores), bool) if only is None else only(*self.pairs)
        entries = (scores[keep], (overlaps.row[keep], overlaps.col[keep]))
        return sp.csr_array(entries, shape=overlaps.shape)


def codes(column):
    """The distinct ids in ascending order, and each row's place among them."""
    values = column.to_numpy()
    if values.dtype == object:
        values = values.astype(str)
    return np.unique(values, return_inverse=True)


# implicit


def implicit(recommender, data, **parameters):
    """All similarities of one of implicit's item-item recommenders. It takes users x items."""
    # K counts the item itself, which need not be its own nearest.
    model = recommender(K=data.matrix.shape[1], **parameters)
    with warnings.catch_warnings():
        # Its own recommenders hand it matrices of a kind that it warns of.
        warnings.simplefilter("ignore")
        model.fit(data.matrix.astype(np.float64), show_progress=False)
    return without_diagonal(model.similarity)


def implicit_cosine(data):
    return implicit(CosineRecommender, data)


def implicit_tfidf(data):
    return implicit(TFIDFRecommender, data)


def implicit_bm25(data, **parameters):
    return implicit(BM25Recommender, data, **parameters)


# scikit-learn


def sklearn_cosine(data):
    """Cosine of the columns: also what Spark's `columnSimilarities` computes without sampling."""
    return without_diagonal(cosine_similarity(data.matrix.T.tocsr(), dense_output=False))


def sklearn_distance(metric):
    """1 − distance of sets, from some items to all."""

    def scores(data, items):
        columns = data.binary.T.toarray().astype(bool)
        similarities = 1 - pairwise_distances(columns[items], columns, metric=metric)
        overlaps = (data.binary.T.tocsr()[items] @ data.binary).toarray()
        some = np.where(overlaps > 0, similarities, 0)
        some[np.arange(len(items)), items] = 0
        row, column = np.nonzero(some)
        entries = (some[row, column], (items[row], column))
        return sp.csr_array(entries, shape=(len(columns), len(columns)))

    return scores


# scipy and numpy


def more_than_chance(c, a, b, n):
    return c * n > a * b


def sar_jaccard(c, a, b, n):
    """recommenders' `python_utils.jaccard`, from the diagonal of the co-occurrence matrix."""
    return c / (a + b - c)


def sar_lift(c, a, b, n):
    """recommenders' `python_utils.lift`."""
    return c / (a * b)


def scipy_llr(c, a, b, n):
    """The G-test of scipy."""
    observed = np.stack([c, a - c, b - c, n - a - b + c])
    expected = np.stack([a * b, a * (n - b), (n - a) * b, (n - a) * (n - b)]) / n
    return power_divergence(observed, expected, lambda_="log-likelihood", axis=0).statistic


def mahout_llr(c, a, b, n):
    """Mahout's `LogLikelihood.logLikelihoodRatio`, scaled as `LogLikelihoodSimilarity` does.

    Its terms cancel, so that it is only good to about 1e-10.
    """

    def entropy(*counts):
        return xlogy(sum(counts), sum(counts)) - sum(xlogy(count, count) for count in counts)

    k11, k12, k21, k22 = c, a - c, b - c, n - a - b + c
    rows, columns = entropy(k11 + k12, k21 + k22), entropy(k11 + k21, k12 + k22)
    ratio = np.maximum(2 * (rows + columns - entropy(k11, k12, k21, k22)), 0)
    return 1 - 1 / (1 + ratio)


def asymmetric_cosine(data, alpha):
    """x·y / ((Σx²)^α (Σy²)^(1 − α))."""
    dots = without_diagonal(data.matrix.T @ data.matrix).tocoo()
    squares = np.asarray(data.matrix.multiply(data.matrix).sum(axis=0)).ravel()
    scores = dots.data / (squares[dots.row] ** alpha * squares[dots.col] ** (1 - alpha))
    return sp.csr_array((scores, (dots.row, dots.col)), shape=dots.shape)


def dot(data):
    return without_diagonal(data.matrix.T @ data.matrix)


def shrunk(scores, data, h):
    """The scores times c / (c + h)."""
    overlaps = data.overlaps
    factors = overlaps.copy()
    factors.data = overlaps.data / (overlaps.data + h)
    return sp.csr_array(scores.multiply(factors))


def kept(scores, keep):
    """The scores that `keep`(scores) holds for."""
    scores = scores.tocoo()
    keep = keep(scores)
    entries = (scores.data[keep], (scores.row[keep], scores.col[keep]))
    return sp.csr_array(entries, shape=scores.shape)


def overlapping(scores, data, least):
    """The scores of pairs that share at least so many users."""
    enough = kept(data.overlaps, lambda overlaps: overlaps.data >= least)
    enough.data[:] = 1
    return sp.csr_array(scores.multiply(enough))
