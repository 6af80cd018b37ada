"""Exact top-k similar items from interaction data, computed in a sandbox.

    import ilk_plugin

    found = ilk_plugin.similar_items(orders, user="member", item="product")

`orders` is a pandas or polars data frame, a pyarrow table, or anything else that gives an Arrow
stream; `found` is of the same kind, with the columns `item`, `neighbour`, `rank`, `score` and
`overlap`. The neighbours are those of `ilk run`, bit for bit.
"""

from ilk_plugin.errors import (
    BadOutput,
    Busy,
    Deadline,
    Ended,
    IncompatibleInterface,
    OutOfFuel,
    OutOfMemory,
    PluginError,
    Refused,
    Trapped,
    Unreadable,
)
from ilk_plugin.jobs import JobLike
from ilk_plugin.notes import IlkWarning, Note
from ilk_plugin.sandbox import Limits, Plugin, load
from ilk_plugin.settings import Job, SimilarityJob
from ilk_plugin.tables import Progress, Session, similar_items
from ilk_plugin.tiles import Block, Comparison, Items, Offers, compute_tile, merge

__all__ = [
    "BadOutput",
    "Block",
    "Busy",
    "Comparison",
    "Deadline",
    "Ended",
    "IlkWarning",
    "IncompatibleInterface",
    "Items",
    "Job",
    "JobLike",
    "Limits",
    "Note",
    "Offers",
    "OutOfFuel",
    "OutOfMemory",
    "Plugin",
    "PluginError",
    "Progress",
    "Refused",
    "Session",
    "SimilarityJob",
    "Trapped",
    "Unreadable",
    "compute_tile",
    "load",
    "merge",
    "similar_items",
]
