"""Settings as types. Written by `cargo xtask settings`: change the flags and the job instead."""

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Any, Literal, Required, TypedDict

Preset = Literal[
    "implicit-cosine",
    "implicit-tfidf",
    "implicit-bm25",
    "spark-column-similarities",
    "sar-jaccard",
    "sar-lift",
    "mahout-llr",
    "lenskit-itemknn",
    "surprise-cosine",
    "surprise-msd",
    "surprise-pearson",
    "similaripy-jaccard",
    "sparse-dot-topn",
]
Of = Literal[
    "items",
    "users",
]
MeasureName = Literal[
    "cosine",
    "jaccard",
    "dice",
    "overlap",
    "tversky",
    "asymmetric-cosine",
    "conditional",
    "lift",
    "sar-lift",
    "pmi",
    "npmi",
    "lexicographers-mi",
    "llr",
    "mahout-llr",
    "cooccurrence",
    "dot",
    "tanimoto",
    "weighted-jaccard",
    "pearson",
    "common-cosine",
    "msd",
]
WeightingName = Literal[
    "binary",
    "raw",
    "log",
    "tfidf",
    "bm25",
    "decay",
]
Center = Literal[
    "none",
    "user",
    "item",
]
Pairs = Literal[
    "both",
    "once",
]
Duplicates = Literal[
    "sum",
    "max",
    "last",
    "one",
]
NegativeWeights = Literal[
    "drop",
    "net",
    "error",
    "keep",
]


class Source(TypedDict, total=False):
    """Which column is what, spelled as in a job file."""

    user: Required[str]
    """User ID column, or several that make an ID together, as in store,receipt."""
    item: Required[str]
    """Item ID column, or several, as for --user."""
    weight: str | None
    """Weight column, such as a quantity, a rating or a number of plays."""
    time: str | None
    """Timestamp column."""
    item_label: str | None
    """Item name column, shown beside the item ID."""
    time_unit: Literal["auto", "s", "ms", "us", "ns", "days", "yyyymmdd"] | None
    """Unit of numbers in the time column. Default: auto."""
    time_format: str | None
    """Format of times, as in '%d/%m/%Y %H:%M'. Default: ISO 8601."""
    where: Sequence[str]
    """Keep only rows that match a condition, as in country=FR or 'price>=10'."""


class Job(TypedDict, total=False):
    """A similarity job as a dictionary; every setting is optional."""

    like: Preset
    """Use the measure, weighting and other defaults of another library."""
    of: Of
    """What to compare. Default: items."""
    measure: MeasureName
    """Similarity measure. Default: cosine."""
    weighting: WeightingName
    """Weight of an interaction, for measures of x and y. Default: binary."""
    center: Center
    """Mean to subtract from weights, for weighting raw. Default: none."""
    top: int
    """Number of neighbours to keep per item. Default: 50."""
    min_support: int
    """Minimum number of users per item; items with fewer are dropped first. Default: 1."""
    min_overlap: int
    """Minimum number of shared users per pair. Default: 1."""
    shrinkage: float
    """Damping H of pairs that share few users: scores are multiplied by c/(c+H). Default: 0."""
    threshold: float
    """Minimum score of a pair."""
    pairs: Pairs
    """Write each pair once, or once for each of its items. Default: both."""
    alpha: float
    """Parameter α of tversky, asymmetric-cosine and conditional. Default: 0.5, for conditional 0."""
    beta: float
    """Parameter β of tversky. Default: 0.5."""
    kappa: float
    """Parameter κ of lift; larger values lower the scores of rare items. Default: 0."""
    k1: float
    """Parameter K1 of bm25. Default: 1.2."""
    b: float
    """Parameter B of bm25. Default: 0.75."""
    half_life: str | datetime.timedelta
    """Half-life of decay, as in 90d or 12h."""
    now: str | datetime.date
    """Reference time for decay, as in 2026-01-31. Default: the newest time in the data."""
    duplicates: Duplicates
    """How to combine repeated rows of a user and item. Default: sum with a weight column (last for weighting raw with a time column), else one."""
    negative_weights: NegativeWeights
    """How to treat rows with a weight of 0 or less, such as returns. Default: drop."""
    max_items_per_user: int
    """Maximum number of items per user; the largest weights are kept, then the newest rows."""
    max_bad_rows: str
    """Maximum share of rows that are unreadable or have an invalid weight or time. Default: 1%, but never fewer than 10 rows."""
    strict: bool
    """Fail when any row is set aside, except by a where condition. Default: false."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SimilarityJob:
    """A similarity job as a record; every setting is optional."""

    like: Preset | None = None
    """Use the measure, weighting and other defaults of another library."""
    of: Of | None = None
    """What to compare. Default: items."""
    measure: MeasureName | None = None
    """Similarity measure. Default: cosine."""
    weighting: WeightingName | None = None
    """Weight of an interaction, for measures of x and y. Default: binary."""
    center: Center | None = None
    """Mean to subtract from weights, for weighting raw. Default: none."""
    top: int | None = None
    """Number of neighbours to keep per item. Default: 50."""
    min_support: int | None = None
    """Minimum number of users per item; items with fewer are dropped first. Default: 1."""
    min_overlap: int | None = None
    """Minimum number of shared users per pair. Default: 1."""
    shrinkage: float | None = None
    """Damping H of pairs that share few users: scores are multiplied by c/(c+H). Default: 0."""
    threshold: float | None = None
    """Minimum score of a pair."""
    pairs: Pairs | None = None
    """Write each pair once, or once for each of its items. Default: both."""
    alpha: float | None = None
    """Parameter α of tversky, asymmetric-cosine and conditional. Default: 0.5, for conditional 0."""
    beta: float | None = None
    """Parameter β of tversky. Default: 0.5."""
    kappa: float | None = None
    """Parameter κ of lift; larger values lower the scores of rare items. Default: 0."""
    k1: float | None = None
    """Parameter K1 of bm25. Default: 1.2."""
    b: float | None = None
    """Parameter B of bm25. Default: 0.75."""
    half_life: str | datetime.timedelta | None = None
    """Half-life of decay, as in 90d or 12h."""
    now: str | datetime.date | None = None
    """Reference time for decay, as in 2026-01-31. Default: the newest time in the data."""
    duplicates: Duplicates | None = None
    """How to combine repeated rows of a user and item. Default: sum with a weight column (last for weighting raw with a time column), else one."""
    negative_weights: NegativeWeights | None = None
    """How to treat rows with a weight of 0 or less, such as returns. Default: drop."""
    max_items_per_user: int | None = None
    """Maximum number of items per user; the largest weights are kept, then the newest rows."""
    max_bad_rows: str | None = None
    """Maximum share of rows that are unreadable or have an invalid weight or time. Default: 1%, but never fewer than 10 rows."""
    strict: bool | None = None
    """Fail when any row is set aside, except by a where condition. Default: false."""

    def settings(self) -> dict[str, Any]:
        """Returns what was set."""
        every = dataclasses.asdict(self)
        return {name: value for name, value in every.items() if value is not None}
