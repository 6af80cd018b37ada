"""Tiles on executors: two blocks in, short lists out, by the plugin."""

import dataclasses
import time

import numpy
import pyarrow
import pyarrow.parquet
from pyspark.sql import DataFrame, SparkSession

from ilk_plugin.errors import OutOfMemory
from ilk_plugin.spark import courier as here
from ilk_plugin.spark.blocks import Opened, Written
from ilk_plugin.spark.courier import Courier, task
from ilk_plugin.spark.merging import best_of
from ilk_plugin.spark.planning import SLICE, Plan, Tile
from ilk_plugin.spark.storage import Storage
from ilk_plugin.tiles import Block, Comparison, Items, Offers

SCHEMA = (
    "tile int, place string, offers bigint, additions bigint, "
    "reading double, numbering double, computing double, merging double, writing double"
)


@dataclasses.dataclass(frozen=True)
class Shift:
    """What every task that computes tiles knows. Travels with tasks."""

    storage: Storage
    courier: Courier
    plan: Plan
    written: list[Written]
    job: dict
    candidates: numpy.ndarray | None = None
    """Positions of the items that may be neighbours, ascending."""
    wanted: numpy.ndarray | None = None
    """Positions of the items to compute neighbours for, ascending."""


def name_of(tile: int) -> str:
    """Where a tile's result lies: a partition of the folder `tiles`."""
    return f"tiles/tile={tile:06}/offers.parquet"


def done(storage: Storage) -> set[int]:
    """The tiles whose results are there."""
    tiles = (name.removeprefix("tile=") for name in storage.names("tiles"))
    found = {int(tile) for tile in tiles if tile.isdigit()}
    return {tile for tile in found if storage.has(name_of(tile))}


def compute(spark: SparkSession, shift: Shift, tiles: list[int]) -> DataFrame:
    """Computes tiles, each a task of its own; one row of figures for each."""
    numbers = numpy.array(tiles)

    def run(batches):
        for batch in batches:
            for tile in numbers[batch["id"].to_numpy()].tolist():
                yield _named(shift, tile)

    return spark.range(0, len(tiles), 1, numPartitions=len(tiles)).mapInArrow(run, SCHEMA)


def _named(shift: Shift, number: int) -> pyarrow.RecordBatch:
    tile = shift.plan.tiles[number]
    what = f"tile {number} (rows of block {tile.rows}, columns of block {tile.columns})"
    return task(what, lambda: _compute(shift, number, tile))


class _Clock:
    """Seconds of each part of a tile."""

    def __init__(self):
        self.parts, self._last = {}, time.perf_counter()

    def lap(self, part: str) -> None:
        now = time.perf_counter()
        self.parts[part] = self.parts.get(part, 0.0) + now - self._last
        self._last = now


def _compute(shift: Shift, number: int, tile: Tile) -> pyarrow.RecordBatch:
    clock = _Clock()
    rows = Opened(shift.storage, shift.written[tile.rows])
    columns = rows
    if tile.columns != tile.rows:
        columns = Opened(shift.storage, shift.written[tile.columns])
    clock.lap("reading")
    numbering = _Numbering(columns.users, shift.plan.numbers)
    clock.lap("numbering")
    begin = shift.plan.blocks[tile.rows].first
    compare = lambda first, end: _compare(shift, tile, rows, columns, numbering, clock, first, end)
    parts = in_halves(compare, tile.first - begin, tile.end - begin)
    additions = sum(count for _, count in parts)
    if tile.columns == tile.rows and shift.plan.sides == "both":
        # Each pair was counted from both of its ends.
        additions //= 2
    found = [offers for offers, _ in parts]
    offers = best_of(shift.plan.top, Offers.concatenate(found), shift.courier) if found else None
    clock.lap("merging")
    count = _write(shift.storage, name_of(number), offers)
    clock.lap("writing")
    figures = {"tile": number, "place": here.place(), "offers": count, "additions": additions}
    for part in ("reading", "numbering", "computing", "merging", "writing"):
        figures[part] = clock.parts.get(part, 0.0)
    kinds = [("tile", pyarrow.int32()), ("place", pyarrow.string())]
    kinds += [(name, pyarrow.int64()) for name in ("offers", "additions")]
    kinds += [(name, pyarrow.float64()) for name in list(figures)[4:]]
    row = {name: [value] for name, value in figures.items()}
    return pyarrow.RecordBatch.from_pydict(row, pyarrow.schema(kinds))


def in_halves(compare, first: int, end: int) -> list:
    """What `compare` finds for rows; for half of them at a time, where an instance cannot hold it:
    a plan knows on average only how much that is."""
    try:
        return compare(first, end)
    except OutOfMemory:
        if end - first < 2:
            raise
        # What ran out of memory is of no more use.
        here.forget()
    middle = (first + end) // 2
    return in_halves(compare, first, middle) + in_halves(compare, middle, end)


def _compare(shift: Shift, tile: Tile, rows: Opened, columns: Opened, numbering, clock, first, end) -> list:
    """Offers and additions of some of a tile's rows, slice by slice."""
    items, first_row, first_column = _items(shift, tile, rows, columns, numbering)
    instance = shift.courier.instance()
    comparison = Comparison(items, job=shift.job, sides=shift.plan.sides, instance=instance)
    parts, across = [], None
    for begin, past in _slices(rows.starts, first, end):
        block = numbering.block(rows, begin, past, first_row + begin)
        additions = int(numbering.degrees[block.users].sum(dtype="<i8"))
        clock.lap("numbering")
        comparison.rows(block)
        if across is None:
            # How columns are laid out depends on rows, which therefore come first.
            across = numbering.block(columns, 0, len(columns.supports), first_column)
            clock.lap("numbering")
            comparison.columns(across)
        parts.append((comparison.compute(_spread(first_row + begin, past - begin)), additions))
        clock.lap("computing")
    comparison.close()
    return parts


def _items(shift: Shift, tile: Tile, rows: Opened, columns: Opened, numbering: "_Numbering"):
    """The items of a tile by itself, with the place of its first row and first column in them:
    the more popular block comes first."""
    plan = shift.plan
    # Each block once, in the order of positions.
    blocks = sorted({tile.rows: rows, tile.columns: columns}.items())
    places, count = {}, 0
    for number, block in blocks:
        places[number] = count
        count += len(block.supports)
    joined = lambda values: numpy.concatenate([values(block) for _, block in blocks])

    def listed(positions):
        if positions is None:
            return None
        found = []
        for number, _ in blocks:
            block = plan.blocks[number]
            bounds = numpy.searchsorted(positions, [block.first, block.end])
            found.append(positions[bounds[0] : bounds[1]] - block.first + places[number])
        return numpy.concatenate(found)

    items = Items(
        users=plan.population,
        numbers=numbering.bound,
        codes=joined(lambda block: block.codes),
        supports=joined(lambda block: block.supports),
        squares=joined(lambda block: block.squares) if plan.weighted else None,
        candidates=listed(shift.candidates),
        wanted=listed(shift.wanted),
    )
    return items, places[tile.rows], places[tile.columns]


def _slices(starts: numpy.ndarray, first: int, end: int):
    """Cuts rows into slices of about `SLICE` interactions."""
    while first < end:
        past = int(numpy.searchsorted(starts, int(starts[first]) + SLICE, side="right")) - 1
        past = min(max(past, first + 1), end)
        yield first, past
        first = past


def _spread(first: int, count: int) -> numpy.ndarray:
    """Rows in an order whose stretches are spread evenly: bars stand high early."""
    stride = max(int(count * 0.618_033_988_749_895), 1)
    while numpy.gcd(stride, count) != 1:
        stride += 1
    return first + numpy.arange(count, dtype="<i8") * stride % count


class _Numbering:
    """Users of a tile's columns, numbered anew where most are in none: those meet nobody."""

    def __init__(self, users: numpy.ndarray, bound: int):
        self.bound, self._bits = bound, None
        if bound > 2 * len(users):
            present = numpy.zeros(-(-bound // 64) * 64, dtype=bool)
            present[users] = True
            self._bits = numpy.packbits(present, bitorder="little").view("<u8")
            ends = numpy.cumsum(numpy.bitwise_count(self._bits), dtype="<u4")
            self._ranks = numpy.concatenate([[0], ends[:-1]]).astype("<u4")
            self.bound = int(ends[-1])
            users, _ = self._numbers(users)
        self.degrees = numpy.bincount(users, minlength=self.bound).astype("<u4")

    def _numbers(self, users: numpy.ndarray):
        """The new numbers of users, and which of them have one; `None` for all."""
        if self._bits is None:
            return users, None
        word, bit = users >> 6, (users & 63).astype("<u8")
        bits = self._bits[word]
        below = bits & ((numpy.uint64(1) << bit) - numpy.uint64(1))
        has = ((bits >> bit) & numpy.uint64(1)).astype(bool)
        return self._ranks[word] + numpy.bitwise_count(below), has

    def block(self, block: Opened, first: int, end: int, place: int) -> Block:
        """Items `first` to `end` of a block, as items of the tile from `place` on."""
        starts = block.starts[first : end + 1]
        begin, past = int(starts[0]), int(starts[-1])
        users, has = self._numbers(block.users[begin:past])
        starts = starts - begin
        weights = None if block.weights is None else block.weights[begin:past]
        if has is not None and not has.all():
            kept = numpy.concatenate([[0], numpy.cumsum(has)])
            starts, users = kept[starts], users[has]
            weights = None if weights is None else weights[has]
        return Block(place, starts, users, weights)


def _write(storage: Storage, name: str, offers: Offers | None) -> int:
    """Writes offers, sorted by item, as one row of short lists for each item."""
    if offers is None:
        empty = numpy.empty(0, "<u4")
        offers = Offers(empty, empty, empty.astype("<f4"), empty)
    first = numpy.flatnonzero(numpy.diff(offers.items, prepend=numpy.int64(-1)))
    starts = pyarrow.array(numpy.append(first, len(offers.items)).astype("<i4"))
    lists = lambda values: pyarrow.ListArray.from_arrays(starts, pyarrow.array(values))
    table = pyarrow.table(
        {
            "item": pyarrow.array(offers.items[first].astype("<i4")),
            "neighbours": lists(offers.neighbours.astype("<i4")),
            "scores": lists(offers.scores),
            "overlaps": lists(offers.overlaps.astype("<i4")),
        }
    )
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink, compression="zstd")
    storage.write(name, sink.getvalue())
    return len(offers.items)
