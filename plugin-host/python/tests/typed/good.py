"""What `mypy --strict` accepts."""

from typing import assert_type

import numpy
import polars

import ilk_plugin
from ilk_plugin import Block, Comparison, IlkWarning, Items, Job, Note, Offers, Progress, SimilarityJob

orders = polars.DataFrame({"member": [1, 1], "product": ["tea", "milk"]})
wish: Job = {"measure": "llr", "top": 5}


def progress(told: Progress) -> None:
    print(told["stage"], told["done"])


def notes(told: list[Note]) -> None:
    print([(note.code, note.count) for note in told])


plugin = ilk_plugin.load(memory_bytes=1 << 28, deadline=60)
found = ilk_plugin.similar_items(
    orders,
    user="member",
    item="product",
    where=["member>0"],
    time_unit="s",
    job=SimilarityJob(measure="llr", weighting="binary"),
    only=orders["product"],
    wanted=["tea"],
    plugin=plugin,
    on_progress=progress,
    on_notes=notes,
)
assert_type(found, polars.DataFrame)
ilk_plugin.similar_items(orders, user="member", item="product", job=wish)
ilk_plugin.similar_items(orders, user="member", item="product", job={"measure": "cosine"})
ilk_plugin.similar_items(orders, user="member", item="product", job='{"top": 3}', plugin="ilk.wasm")

session = ilk_plugin.Session(user="member", item="product")
session.add(orders)
while not session.step()["finished"]:
    pass
assert_type(session.notes(), list[Note])

items = Items(users=3, codes=[0, 1], supports=numpy.array([2, 1]))
comparison = Comparison(items, job=wish, sides="both")
comparison.rows(Block(0, [0, 2, 3], [0, 2, 1]))
offers = ilk_plugin.compute_tile(items, Block(0, [0, 2], [0, 2]), Block(1, [0, 1], [1]))
assert_type(ilk_plugin.merge(2, offers), Offers)
category: type[Warning] = IlkWarning
