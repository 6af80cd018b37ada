"""Kept rows into baskets: each user once, with its items; codes for both, in Spark's operations."""

import dataclasses

import numpy
import pyarrow
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from ilk_plugin import rows as plugin_rows
from ilk_plugin.errors import Refused
from ilk_plugin.rows import Decided
from ilk_plugin.spark.courier import Courier, task

# Numbers of `monotonically_increasing_id`: the partition above, the row in it below.
SHIFT, LOW = 33, (1 << 33) - 1
ROWS_OF_TASK = 2_000_000


def partitions_for(rows: int, slots: int) -> int:
    """How many partitions so many rows are worth."""
    return max(-(-rows // ROWS_OF_TASK), min(slots, -(-rows // 100_000)), 1)


def spread(frame: DataFrame, column: str, count: int, in_order: bool) -> DataFrame:
    """Brings equal values of a column together; in order, partitions and rows ascend by it."""
    return frame.repartitionByRange(count, column) if in_order else frame.repartition(count, column)


def needed(kept: DataFrame, job: Decided) -> DataFrame:
    """Leaves of kept rows what folding looks at: `u`, `i`, `w`, `t` and the hash `h`."""
    columns = {"ilk_u": "u", "ilk_i": "i"}
    if job.needs_weight:
        columns["ilk_w"] = "w"
    if job.needs_time:
        columns["ilk_t"] = "t"
    columns["h"] = "h"
    there = [f.col(old).alias(new) for old, new in columns.items() if old in kept.columns]
    return kept.select(*there)


def pairs_of(kept: DataFrame, job: Decided, wish: dict, courier: Courier) -> DataFrame:
    """Folds rows into one per user and item, as the job says: `u`, `i`, `w` and `t`."""
    frame, found = kept, []
    if job.weighting == "decay" and job.duplicates == "sum":
        return _decayed(frame, wish, courier)
    if job.needs_weight:
        found.append(_weight(frame, job).alias("w"))
    if job.needs_time:
        found.append(f.max("t").alias("t"))
    if "h" in frame.columns:
        found.append(f.first("h").alias("h"))
    grouped = frame.groupBy("u", "i")
    return grouped.agg(*found) if found else frame.select("u", "i").distinct()


def _weight(frame: DataFrame, job: Decided):
    if "w" not in frame.columns:
        return f.count("*").cast("double")
    if job.duplicates == "max":
        return f.max("w")
    if job.duplicates == "last":
        # Of equally new ones that of larger weight.
        return f.max(f.struct("t", "w"))["w"]
    # In ascending order, so that no order of rows shows through.
    ascending = f.array_sort(f.collect_list("w"))
    return f.aggregate(ascending, f.lit(0.0), lambda sum, weight: sum + weight)


def _decayed(frame: DataFrame, wish: dict, courier: Courier) -> DataFrame:
    """Adds up rows of a user and item, each decayed to the newest of them."""
    weight = f.col("w") if "w" in frame.columns else f.lit(1.0)
    # In ascending order of weight, then time.
    events = f.array_sort(f.collect_list(f.struct(weight.alias("w"), "t")))
    found = [events.alias("e")] + ([f.first("h").alias("h")] if "h" in frame.columns else [])
    grouped = frame.groupBy("u", "i").agg(*found)
    kept = [name for name in ("u", "i", "h") if name in grouped.columns]
    totals = [f.lit(0.0).alias("w"), f.lit(0).cast("bigint").alias("t")]
    schema = grouped.select(*kept, *totals).schema

    def run(batches):
        for batch in batches:
            yield task("adding up rows", lambda: _add_up(batch, kept, wish, courier))

    return grouped.mapInArrow(run, schema)


def _add_up(batch: pyarrow.RecordBatch, kept: list, wish: dict, courier: Courier):
    lists = batch.column("e")
    events = lists.flatten()
    counts = numpy.diff(lists.offsets.to_numpy())
    pair = numpy.repeat(numpy.arange(len(batch)), counts)
    weights, times = events.field("w").to_numpy(), events.field("t").to_numpy()
    newest = numpy.full(len(batch), numpy.iinfo("<i8").min)
    numpy.maximum.at(newest, pair, times)
    weighed = plugin_rows.weigh(
        courier.instance(),
        wish,
        len(weights),
        items=1,
        weights=weights,
        times=times,
        anchors=newest[pair],
        events=True,
    )
    # One after the other, as they stand: no pairwise sums.
    sums = numpy.bincount(pair, weighed, len(batch))
    arrays = [*(batch.column(name) for name in kept), pyarrow.array(sums), pyarrow.array(newest)]
    return pyarrow.RecordBatch.from_arrays(arrays, [*kept, "w", "t"])


def with_hashes(kept: DataFrame, courier: Courier) -> DataFrame:
    """Adds `h`, the hash of user and item by which a cap decides between equals."""
    key = f.concat(f.col("ilk_u").cast("string"), f.lit("\0"), f.col("ilk_i").cast("string"))
    return hashed(kept.withColumn("key", key), "key", courier)


def hashed(frame: DataFrame, key: str, courier: Courier) -> DataFrame:
    """Replaces a column of text by `h`, its hash; the order of its values is that of the hashes
    as numbers without a sign."""
    names = [name for name in frame.columns if name != key]
    schema = frame.select(*names, f.lit(0).cast("bigint").alias("h")).schema

    def run(batches):
        for batch in batches:
            yield task("hashing ids", lambda: _hash(batch, names, key, courier))

    return frame.mapInArrow(run, schema)


def _hash(batch: pyarrow.RecordBatch, names: list, key: str, courier: Courier):
    found = plugin_rows.hashes(courier.instance(), batch.column(key))
    # Spark has no numbers without a sign: flipping the highest bit keeps the order.
    signed = (found ^ numpy.uint64(1 << 63)).view("<i8")
    arrays = [batch.column(name) for name in names]
    return pyarrow.RecordBatch.from_arrays([*arrays, pyarrow.array(signed)], [*names, "h"])


def baskets_of(pairs: DataFrame, job: Decided) -> DataFrame:
    """Brings each user's items together: `who`, `before` (its pairs), `away` (those that netted to
    nothing) and `b`, an array of `i`, `w` and `t`. Pairs of a user must lie together."""
    kept = [name for name in ("i", "w", "t") if name in pairs.columns]
    entry, away = f.struct(*kept), f.lit(0)
    if job.max_items_per_user is not None:
        # Heaviest, then newest, then smallest hash, then smallest item.
        weight = -f.col("w") if "w" in kept else f.lit(0.0)
        time = -f.col("t") if "t" in kept else f.lit(0)
        entry = f.struct(weight.alias("o1"), time.alias("o2"), f.col("h").alias("o3"), *kept)
    if job.negative_weights == "net" and "w" in kept:
        # What is null is not collected.
        entry, away = f.when(f.col("w") > 0, entry), f.when(f.col("w") > 0, 0).otherwise(1)
    frame = pairs.groupBy(f.col("u").alias("who")).agg(
        f.collect_list(entry).alias("b"), f.sum(away).alias("away")
    )
    frame = frame.withColumn("before", f.size("b"))
    if job.max_items_per_user is None:
        return frame
    best = f.slice(f.array_sort("b"), 1, job.max_items_per_user)
    strip = lambda entry: f.struct(*(entry[name].alias(name) for name in kept))
    return frame.withColumn("b", f.transform(best, strip))


def exploded(baskets: DataFrame, *columns: str) -> DataFrame:
    """One row per interaction: `columns` of its basket, then `i`, `w` and `t`."""
    frame = baskets.select(*columns, f.explode("b").alias("e"))
    return frame.select(*columns, "e.*")


def rare_items(baskets: DataFrame, least: int) -> int:
    """Counts the items with fewer users."""
    return exploded(baskets, "n").groupBy("i").count().where(f.col("count") < least).count()


def supported(baskets: DataFrame, least: int) -> DataFrame:
    """Leaves out the items with fewer users, and users that are left without items."""
    items = exploded(baskets, "n").groupBy("i").count().where(f.col("count") >= least)
    rest = exploded(baskets, "n", "who").join(items.select("i"), "i")
    return _regrouped(rest, f.first("who").alias("who"), "n")


def turned_around(baskets: DataFrame, count: int, in_order: bool) -> DataFrame:
    """Swaps users and items: one row per item, with its users."""
    rest = exploded(baskets, "who")
    swapped = [f.col("i").alias("who"), f.col("who").alias("i")]
    rest = rest.select(*swapped, *(name for name in ("w", "t") if name in rest.columns))
    return _regrouped(spread(rest, "who", count, in_order), f.lit(0).alias("away"), "who")


def _regrouped(rest: DataFrame, also, by: str) -> DataFrame:
    kept = [name for name in ("i", "w", "t") if name in rest.columns]
    entry = f.collect_list(f.struct(*kept)).alias("b")
    return rest.groupBy(by).agg(entry, also)


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What is known of baskets as a whole."""

    users: int
    """Those with an item."""
    emptied: int = dataclasses.field(default=0, kw_only=True)
    """Those who were left without items when rare items were dropped, and count in N."""
    interactions: int
    operations: int
    """Pair operations: every pair of items that a user has, once."""
    heaviest: int
    """The most items of a user."""
    newest: int | None
    widths: list[int]
    """How many numbers each partition's users take."""
    netted_away: int
    capped_users: int

    @property
    def starts(self) -> numpy.ndarray:
        """The first number of each partition, and past the last."""
        return numpy.concatenate([[0], numpy.cumsum(self.widths)]).astype("<i8")

    @property
    def numbers(self) -> int:
        """The bound of numbers."""
        return sum(self.widths)


def numbered(baskets: DataFrame, in_order: bool) -> DataFrame:
    """Numbers baskets where they lie; in order, numbers ascend by `who`."""
    frame = baskets.sortWithinPartitions("who") if in_order else baskets
    return frame.withColumn("n", f.monotonically_increasing_id())


def sizes_of(baskets: DataFrame, cap: int | None) -> Sizes:
    """Counts. One number per partition comes to the driver."""
    names = baskets.columns
    has_time = "t" in baskets.schema["b"].dataType.elementType.names
    newest = f.max(f.array_max(f.col("b")["t"])) if has_time else f.lit(None)
    degree = f.size("b").cast("bigint")
    capped = f.sum((f.col("before") > cap).cast("int")) if cap and "before" in names else f.lit(0)
    per_part = (
        baskets.groupBy(f.shiftright("n", SHIFT).alias("part"))
        .agg(
            (f.max(f.col("n").bitwiseAND(LOW)) + 1).alias("width"),
            f.sum((degree > 0).cast("int")).alias("users"),
            f.sum(degree).alias("interactions"),
            f.sum(f.shiftright(degree * (degree - 1), 1)).alias("operations"),
            f.max(degree).alias("heaviest"),
            newest.alias("newest"),
            (f.sum("away") if "away" in names else f.lit(0)).alias("away"),
            capped.alias("capped"),
        )
        .collect()
    )
    by_part = {row["part"]: row for row in per_part}
    count = max(by_part, default=-1) + 1
    total = lambda name: int(sum(row[name] or 0 for row in per_part))
    times = [row["newest"] for row in per_part if row["newest"] is not None]
    return Sizes(
        users=total("users"),
        interactions=total("interactions"),
        operations=total("operations"),
        heaviest=max((row["heaviest"] for row in per_part), default=0),
        newest=max(times, default=None),
        widths=[by_part[part]["width"] if part in by_part else 0 for part in range(count)],
        netted_away=total("away"),
        capped_users=total("capped"),
    )


def items_of(baskets: DataFrame, interactions: int) -> DataFrame:
    """The items by ascending id: `i`, `support` and `m`, whose order is that of the codes."""
    parts = 1 + interactions // 50_000_000
    counted = exploded(baskets, "n").groupBy("i").agg(f.count("*").alias("support"))
    ordered = counted.repartitionByRange(min(parts, 200), "i").sortWithinPartitions("i")
    return ordered.withColumn("m", f.monotonically_increasing_id())


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """What the driver knows of the items: one number each."""

    supports: numpy.ndarray
    """By code."""
    starts: numpy.ndarray
    """The first code of each partition of the items, and past the last."""

    @property
    def count(self) -> int:
        return len(self.supports)

    def code(self, number):
        """The code of an item by its `m`, as Spark's operation."""
        low = number.bitwiseAND(LOW)
        if len(self.starts) == 2:
            return low.cast("int")
        starts = f.array(*(f.lit(int(start)) for start in self.starts[:-1]))
        return (f.get(starts, f.shiftright(number, SHIFT).cast("int")) + low).cast("int")


def catalogue_of(items: DataFrame) -> Catalogue:
    """Fetches every item's support."""
    table = items.select("m", "support").toArrow()
    number = table["m"].to_numpy()
    order = numpy.argsort(number)
    widths = numpy.bincount(number >> SHIFT) if len(number) else numpy.zeros(1, int)
    starts = numpy.concatenate([[0], numpy.cumsum(widths)])
    if len(number) >= 1 << 31:
        raise Refused(
            "refused", f"{len(number)} items are more than this way takes, 2,147,483,647; raise min_support"
        )
    return Catalogue(table["support"].to_numpy()[order], starts)
