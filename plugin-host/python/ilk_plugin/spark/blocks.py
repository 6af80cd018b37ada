"""Blocks: items with their users, written once as Arrow files, mapped by the tasks that need them.

Interactions travel to their block as a few long binaries per task, not as rows.
"""

import dataclasses
import zlib

import numpy
import pyarrow
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from ilk_plugin import rows as plugin_rows
from ilk_plugin.spark import courier as here
from ilk_plugin.spark.courier import Courier, task
from ilk_plugin.spark.folding import LOW, SHIFT, Catalogue, exploded
from ilk_plugin.spark.planning import Plan
from ilk_plugin.spark.storage import Storage

# Interactions sorted by block at once.
ROWS = 1_000_000
POSITIONS, CODES = "positions", "codes"
KINDS = {
    "position": "<u4",
    "number": "<u4",
    "degree": "<u4",
    "weight": "<f8",
    "time": "<i8",
    "total": "<f8",
}

# What interactions bring along, and the column it comes from.
SOURCE = {"degree": "degree", "weight": "w", "time": "t", "total": "total"}


@dataclasses.dataclass(frozen=True)
class Written:
    """A block on disk."""

    block: int
    bytes: int
    checksum: int


@dataclasses.dataclass(frozen=True)
class Weights:
    """What weights are made of, where tiles take any."""

    job: dict
    items: int
    needs: frozenset
    """Which of `degree`, `weight`, `time` and `total`, the sum of the user's weights, interactions
    bring along."""
    norm: str
    """What is added up of an item's weights: `squares` or `sums`."""
    of_items: bool
    """The mean of the item's weights is subtracted."""
    has_lengths: bool
    """The sum of an item's weights counts."""
    average: float = 0.0
    newest: int = 0


@dataclasses.dataclass(frozen=True)
class Ground:
    """What every task that makes blocks knows. Travels with tasks."""

    storage: Storage
    courier: Courier
    plan: Plan
    starts: numpy.ndarray
    """The first number of each partition of baskets."""
    checksums: tuple[int, int]
    """Of the files of positions and codes."""
    weights: Weights | None

    @property
    def columns(self) -> list[str]:
        needs = self.weights.needs if self.weights else frozenset()
        return ["position", "number", *(name for name in SOURCE if name in needs)]

    def positions(self) -> numpy.ndarray:
        """The position of each code."""
        data = self.storage.map(POSITIONS, self.checksums[0], here.cache())
        return numpy.frombuffer(data, dtype="<u4")

    def codes(self) -> numpy.ndarray:
        """The code at each position."""
        data = self.storage.map(CODES, self.checksums[1], here.cache())
        return numpy.frombuffer(data, dtype="<u4")


def lay_order(storage: Storage, order: numpy.ndarray) -> tuple[int, int]:
    """Writes the position of each code and the code at each position; returns checksums."""
    positions, codes = numpy.empty(len(order), dtype="<u4"), order.astype("<u4")
    positions[order] = numpy.arange(len(order), dtype="<u4")
    storage.write(POSITIONS, positions.tobytes())
    storage.write(CODES, codes.tobytes())
    return zlib.crc32(positions), zlib.crc32(codes)


def interactions_of(baskets: DataFrame, items: DataFrame, catalogue: Catalogue, ground: Ground):
    """One row per interaction: code, number of its user, and what weights are made of."""
    needs = ground.weights.needs if ground.weights else frozenset()
    codes = items.select("i", catalogue.code(f.col("m")).alias("code"))
    if catalogue.count <= 1_000_000:
        codes = f.broadcast(codes)
    of_user = {"degree": f.size("b")}
    if "total" in needs:
        # In ascending order of items.
        ascending = f.array_sort("b")
        of_user["total"] = f.aggregate(ascending, f.lit(0.0), lambda sum, entry: sum + entry["w"])
    rows = exploded(baskets.withColumns(of_user), "n", *of_user).join(codes, "i")
    also = [f.col(column).alias(name) for name, column in SOURCE.items() if name in needs]
    return rows.select("code", "n", *also)


def by_block(interactions: DataFrame, ground: Ground) -> DataFrame:
    """Sends interactions to their blocks, each block into a partition of its own."""
    names = ground.columns
    schema = "block int, " + ", ".join(f"{name} binary" for name in names)
    count = len(ground.plan.blocks)

    def run(batches):
        for table in _gathered(batches):
            yield task("sorting interactions into blocks", lambda: _scatter(table, ground))

    sent = interactions.mapInArrow(run, schema)
    if hasattr(sent, "repartitionById"):
        return sent.repartitionById(count, f.col("block"))
    return sent.repartition(count, "block")


def _gathered(batches):
    """Brings batches together until there are enough rows."""
    held, rows = [], 0
    for batch in batches:
        held.append(batch)
        rows += len(batch)
        if rows >= ROWS:
            yield pyarrow.Table.from_batches(held)
            held, rows = [], 0
    if rows:
        yield pyarrow.Table.from_batches(held)


def _scatter(table: pyarrow.Table, ground: Ground) -> pyarrow.RecordBatch:
    number = table["n"].to_numpy()
    columns = {
        "position": ground.positions()[table["code"].to_numpy()],
        "number": ground.starts[number >> SHIFT] + (number & LOW),
    }
    columns.update((name, table[name].to_numpy()) for name in ground.columns[2:])
    block = numpy.searchsorted(ground.plan.bounds, columns["position"], side="right") - 1
    order = numpy.argsort(block, kind="stable")
    blocks, starts = numpy.unique(block[order], return_index=True)
    ends = numpy.append(starts, len(order))
    arrays = [pyarrow.array(blocks, pyarrow.int32())]
    for name, values in columns.items():
        values = values.astype(KINDS[name], copy=False)[order]
        offsets = (ends * values.itemsize).astype("<i4")
        buffers = [None, pyarrow.py_buffer(offsets), pyarrow.py_buffer(values)]
        arrays.append(pyarrow.BinaryArray.from_buffers(pyarrow.binary(), len(blocks), buffers))
    return pyarrow.RecordBatch.from_arrays(arrays, ["block", *columns])


def write_blocks(sent: DataFrame, catalogue: Catalogue, ground: Ground) -> list[Written]:
    """Writes every block; returns what was written."""
    schema = "block int, bytes bigint, checksum bigint"

    def run(batches):
        for block, columns in _of_blocks(batches):
            name = f"writing block {block}"
            yield task(name, lambda: _write(block, _sorted(block, columns, ground), ground))

    written = sent.mapInArrow(run, schema).collect()
    return [Written(**row.asDict()) for row in sorted(written, key=lambda row: row["block"])]


def lengths_of(sent: DataFrame, items: int, ground: Ground) -> numpy.ndarray:
    """The sum of every item's weights in ascending order of users, by position."""

    def run(batches):
        for block, columns in _of_blocks(batches):
            yield task(f"adding up block {block}", lambda: _lengths(block, columns, ground))

    table = sent.mapInArrow(run, "position int, length double").toArrow()
    lengths = numpy.zeros(items)
    lengths[table["position"].to_numpy()] = table["length"].to_numpy()
    return lengths


def _of_blocks(batches):
    """The interactions of each block of a partition, column by column."""
    batches = list(batches)
    if not batches:
        return
    table = pyarrow.Table.from_batches(batches)
    blocks = table["block"].to_numpy()
    for block in numpy.unique(blocks):
        own = table.filter(pyarrow.array(blocks == block))
        columns = {}
        for name in table.column_names[1:]:
            pieces = (numpy.frombuffer(cell.as_buffer(), KINDS[name]) for cell in own[name])
            columns[name] = numpy.concatenate(list(pieces))
        yield int(block), columns


def _sorted(block: int, columns: dict, ground: Ground) -> dict:
    """Sorts a block by position, then user; adds `counts`, how many users each item has."""
    bounds = ground.plan.blocks[block]
    local = columns["position"].astype("<u8") - numpy.uint64(bounds.first)
    key = (local << numpy.uint64(32)) | columns["number"]
    if len(columns) == 2:
        key.sort()
        found = {}
    else:
        order = numpy.argsort(key)
        key = key[order]
        found = {name: values[order] for name, values in columns.items()}
    found["number"] = (key & numpy.uint64(0xFFFF_FFFF)).astype("<u4")
    found["local"] = (key >> numpy.uint64(32)).astype("<i8")
    found["counts"] = numpy.bincount(found["local"], minlength=bounds.end - bounds.first)
    if len(key) != bounds.interactions:
        raise ValueError(f"{len(key)} interactions came, and {bounds.interactions} are there; run again")
    return found


def _lengths(block: int, columns: dict, ground: Ground) -> pyarrow.RecordBatch:
    found, first = _sorted(block, columns, ground), ground.plan.blocks[block].first
    # One after the other, as they stand: no pairwise sums.
    lengths = numpy.bincount(found["local"], found["weight"], len(found["counts"]))
    position = numpy.arange(first, first + len(lengths), dtype="<i4")
    return pyarrow.RecordBatch.from_pydict({"position": position, "length": lengths})


def _weigh(found: dict, bounds, ground: Ground) -> numpy.ndarray:
    weights, lengths, degrees, anchors = ground.weights, found.get("total"), found.get("degree"), None
    local = found["local"]
    if weights.has_lengths:
        by_position = numpy.frombuffer(ground.storage.read("lengths"), "<f8")
        lengths = by_position[local + bounds.first]
    if weights.of_items:
        # One after the other, in ascending order of users.
        lengths = numpy.bincount(local, found["weight"], len(found["counts"]))[local]
        degrees = found["counts"][local]
    if "time" in found:
        newest = numpy.full(len(found["counts"]), numpy.iinfo("<i8").min)
        numpy.maximum.at(newest, local, found["time"])
        anchors = newest[local]
    return plugin_rows.weigh(
        ground.courier.instance(),
        weights.job,
        len(found["number"]),
        items=weights.items,
        average=weights.average,
        newest=weights.newest,
        weights=found.get("weight"),
        degrees=degrees,
        lengths=lengths,
        times=found.get("time"),
        anchors=anchors,
    )


def _write(block: int, found: dict, ground: Ground) -> pyarrow.RecordBatch:
    bounds = ground.plan.blocks[block]
    starts = numpy.concatenate([[0], numpy.cumsum(found["counts"])]).astype("<i4")
    lists = lambda values: pyarrow.ListArray.from_arrays(pyarrow.array(starts), pyarrow.array(values))
    columns = {
        "code": pyarrow.array(ground.codes()[bounds.first : bounds.end]),
        "support": pyarrow.array(found["counts"].astype("<u4")),
        "users": lists(found["number"]),
    }
    if ground.weights:
        weights = _weigh(found, bounds, ground)
        # One after the other again: the bits are those of ilk run.
        adds = weights if ground.weights.norm == "sums" else weights * weights
        squares = numpy.bincount(found["local"], adds, len(found["counts"]))
        columns |= {"square": pyarrow.array(squares), "weights": lists(weights)}
    batch = pyarrow.RecordBatch.from_pydict(columns)
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    data = sink.getvalue()
    ground.storage.write(name_of(block), data)
    row = {"block": [block], "bytes": [data.size], "checksum": [zlib.crc32(data)]}
    kinds = [("block", pyarrow.int32()), ("bytes", pyarrow.int64()), ("checksum", pyarrow.int64())]
    return pyarrow.RecordBatch.from_pydict(row, pyarrow.schema(kinds))


def name_of(block: int) -> str:
    """Where a block lies."""
    return f"blocks/{block:06}.arrow"


class Opened:
    """A block that lies in memory where its file was mapped."""

    def __init__(self, storage: Storage, written: Written):
        data = storage.map(name_of(written.block), written.checksum, here.cache())
        batch = pyarrow.ipc.open_file(data).get_batch(0)
        self.codes = batch["code"].to_numpy()
        self.supports = batch["support"].to_numpy()
        self.starts = batch["users"].offsets.to_numpy()
        self.users = batch["users"].values.to_numpy()
        weighted = "weights" in batch.schema.names
        self.squares = batch["square"].to_numpy() if weighted else None
        self.weights = batch["weights"].values.to_numpy() if weighted else None
