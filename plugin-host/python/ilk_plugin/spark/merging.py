"""Short lists of all tiles into the neighbours: the k best of every item."""

import numpy
import pyarrow
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as f

from ilk_plugin.rows import costs
from ilk_plugin.spark.courier import Courier, task
from ilk_plugin.spark.folding import Catalogue
from ilk_plugin.spark.planning import offers_at_once
from ilk_plugin.spark.storage import Storage
from ilk_plugin.tiles import Offers, merge

OFFERS = "item int, neighbours array<int>, scores array<float>, overlaps array<int>"
FOUND = "item int, neighbour int, rank int, score float, overlap bigint"
OFFERS_OF_TASK = 4_000_000


def neighbours(
    spark: SparkSession, storage: Storage, courier: Courier, top: int, count: int, offers: int, slots: int
) -> DataFrame:
    """The neighbours by codes; partitions ascend by item, rows in them by item, then rank. `count`:
    items there are; `offers`: offers of all tiles."""
    parts = max(-(-offers // OFFERS_OF_TASK), min(slots, -(-offers // 100_000)), 1)
    table = spark.read.schema(OFFERS).parquet(storage.at("tiles"))
    width = -(-count // parts)
    part = f.floor(f.col("item") / width).cast("int")
    if hasattr(table, "repartitionById"):
        table = table.repartitionById(parts, part)
    else:
        table = table.repartitionByRange(parts, "item")

    def run(batches):
        for whole in _by_item(batches):
            yield task("merging tiles", lambda: _merge(whole, top, courier))

    return table.sortWithinPartitions("item").mapInArrow(run, FOUND)


def _by_item(batches):
    """Cuts sorted rows only between items: the last item waits for what follows."""
    held = None
    for batch in batches:
        table = pyarrow.Table.from_batches([batch])
        held = table if held is None else pyarrow.concat_tables([held, table])
        item = held["item"].to_numpy()
        cut = int(numpy.searchsorted(item, item[-1])) if len(item) else 0
        if cut:
            yield held.slice(0, cut)
            held = held.slice(cut)
    if held is not None and len(held):
        yield held


def best_of(top: int, offers: Offers, courier: Courier) -> Offers:
    """The best offers of each item, by item: merged in pieces that an instance has room for."""
    instance = courier.instance()
    most = offers_at_once(costs(instance), courier.limits.memory_bytes)
    return Offers.concatenate([merge(top, piece, instance=instance) for piece in _pieces(offers, most)])


def _pieces(offers: Offers, most: int):
    """Cuts offers into pieces of at most so many, unless one item has more: it is in one piece."""
    count, first = len(offers.items), 0
    if count <= most:
        yield offers
        return
    order = numpy.argsort(offers.items, kind="stable")
    columns = [values[order] for values in vars(offers).values()]
    items = columns[0]
    while first < count:
        end = min(first + most, count)
        if end < count:
            begun, alone = numpy.searchsorted(items, items[end]), items[first]
            end = max(int(begun), int(numpy.searchsorted(items, alone, side="right")))
        yield Offers(*(values[first:end] for values in columns))
        first = end


def _merge(table: pyarrow.Table, top: int, courier: Courier) -> pyarrow.RecordBatch:
    table = table.combine_chunks()
    lists = {name: table[name].combine_chunks() for name in ("neighbours", "scores", "overlaps")}
    flat = {name: column.flatten().to_numpy() for name, column in lists.items()}
    counts = numpy.diff(lists["neighbours"].offsets.to_numpy())
    items = numpy.repeat(table["item"].to_numpy(), counts)
    offers = Offers(items, flat["neighbours"], flat["scores"], flat["overlaps"])
    best = best_of(top, offers, courier)
    new = numpy.diff(best.items, prepend=numpy.int64(-1)) != 0
    at = numpy.arange(len(best.items))
    rank = at - numpy.maximum.accumulate(numpy.where(new, at, 0)) + 1
    columns = {
        "item": best.items.astype("<i4"),
        "neighbour": best.neighbours.astype("<i4"),
        "rank": rank.astype("<i4"),
        "score": best.scores,
        "overlap": best.overlaps.astype("<i8"),
    }
    return pyarrow.RecordBatch.from_pydict({n: pyarrow.array(v) for n, v in columns.items()})


def pairs_once(found: DataFrame) -> DataFrame:
    """Each pair in one row, at the item of the smaller code; ranks count the rows of an item."""
    least, most = f.least("item", "neighbour"), f.greatest("item", "neighbour")
    pairs = found.select(least.alias("item"), most.alias("neighbour"), "score", "overlap")
    # A pair scores the same from both of its items.
    pairs = pairs.dropDuplicates(["item", "neighbour"])
    best_first = Window.partitionBy("item").orderBy(f.col("score").desc(), "neighbour")
    ranked = pairs.withColumn("rank", f.row_number().over(best_first))
    return ranked.select("item", "neighbour", "rank", "score", "overlap")


def with_ids(found: DataFrame, items: DataFrame, catalogue: Catalogue, labels: DataFrame | None):
    """Puts ids, and labels where there are any, in the place of codes."""
    names = items.select(catalogue.code(f.col("m")).alias("code"), "i")
    if labels is not None:
        names = names.join(labels, "i", "left")
    few = catalogue.count <= 1_000_000

    def named(frame: DataFrame, column: str) -> DataFrame:
        renamed = {"code": f"{column}_code", "i": f"{column}_id", "label": f"{column}_label"}
        side = names.withColumnsRenamed(renamed)
        side = f.broadcast(side) if few else side
        return frame.join(side, frame[column] == side[f"{column}_code"])

    both = named(named(found, "item"), "neighbour")
    columns = [
        f.col("item_id").alias("item"),
        f.col("neighbour_id").alias("neighbour"),
        "rank",
        "score",
        "overlap",
    ]
    if labels is not None:
        columns += ["item_label", "neighbour_label"]
    named_rows = both.select(*columns)
    # Where ids are not few, joins have brought the rows out of their order.
    return named_rows if few else named_rows.orderBy("item", "rank")


def labels_of(kept: DataFrame) -> DataFrame:
    """Each item's most frequent label, of equally frequent ones the smallest."""
    labelled = kept.where(f.col("ilk_label").isNotNull())
    counts = labelled.groupBy(f.col("ilk_i").alias("i"), "ilk_label").count()
    best = f.min(f.struct(-f.col("count"), f.col("ilk_label").alias("label")))
    return counts.groupBy("i").agg(best["label"].alias("label"))
