"""The plan: which blocks and tiles there are and what each costs, from degrees alone."""

import dataclasses
import json

import numpy

from ilk_plugin.checks import size
from ilk_plugin.errors import Refused
from ilk_plugin.rows import Costs, Decided
from ilk_plugin.spark.folding import Catalogue, Sizes

# Seconds that Spark takes to start and end a task. What the plugin takes, it says itself.
TILE = 0.06

# What a block takes of an instance, as rows and once more as columns; the rest is for gaps.
BLOCK_SHARE = 0.45
LEAST_MEMORY, MOST_MEMORY = 8 << 20, 4 << 30
# Blocks past which a job is nothing but tiles that start and end.
MOST_BLOCKS = 500

# Interactions of the rows that are in an instance at once.
SLICE = 2_000_000
# Tiles for each task that runs at a time: enough to balance, few enough to cost nothing.
WAVES = 4
# Core time in seconds below which a tile is not worth cutting.
LEAST = 0.3


@dataclasses.dataclass(frozen=True)
class Block:
    """Consecutive items, by position: 0 is the item with the most users."""

    first: int
    end: int
    interactions: int


@dataclasses.dataclass(frozen=True)
class Tile:
    """Rows `first` to `end` of one block against the columns of another."""

    rows: int
    columns: int
    first: int
    end: int
    operations: int
    """Predicted pair operations."""
    cost: float
    """Predicted seconds of a core."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """The blocks and tiles of a job."""

    users: int
    population: int
    """N: users with an item, also those whose items are all rare."""
    numbers: int
    sides: str
    blocks: list[Block]
    tiles: list[Tile]
    operations: int
    slots: int
    weighted: bool
    top: int

    def text(self) -> str:
        """As JSON, to keep."""
        return json.dumps(dataclasses.asdict(self))

    @staticmethod
    def parsed(text: str) -> "Plan":
        """Reads what `text` wrote."""
        record = json.loads(text)
        record["blocks"] = [Block(**block) for block in record["blocks"]]
        record["tiles"] = [Tile(**tile) for tile in record["tiles"]]
        return Plan(**record)

    @property
    def bounds(self) -> numpy.ndarray:
        """The first position of each block."""
        return numpy.array([block.first for block in self.blocks], dtype="<i8")

    def block_bytes(self, block: Block) -> int:
        """What its file takes."""
        each = 12 if self.weighted else 4
        return block.interactions * each + (block.end - block.first) * (24 if self.weighted else 12)

    @property
    def bytes_written(self) -> int:
        """All blocks, once."""
        return sum(self.block_bytes(block) for block in self.blocks)

    @property
    def bytes_read(self) -> int:
        """By tiles, were nothing kept: the replication."""
        read = lambda tile: {tile.rows, tile.columns}
        return sum(self.block_bytes(self.blocks[at]) for tile in self.tiles for at in read(tile))

    @property
    def bytes_shuffled(self) -> int:
        """Between executors, before compression: interactions on their way into blocks."""
        interactions = sum(block.interactions for block in self.blocks)
        return interactions * (28 if self.weighted else 8)

    @property
    def bytes_offered(self) -> int:
        """Short lists on their way into the result, at most."""
        return 12 * self.top * sum(self._items(tile) for tile in self.tiles)

    def _items(self, tile: Tile) -> int:
        rows, columns = tile.end - tile.first, self.blocks[tile.columns]
        both = self.sides == "both" and tile.rows != tile.columns
        return rows + (columns.end - columns.first if both else 0)

    def explain(self, executors: int) -> str:
        """The plan for people."""
        seconds = sum(tile.cost for tile in self.tiles)
        longest = max((tile.cost for tile in self.tiles), default=0.0)
        # The last tile may begin when all others are done.
        wall = max(seconds / self.slots, longest)
        largest = max((block.interactions for block in self.blocks), default=0)
        items = self.blocks[-1].end if self.blocks else 0
        lines = [
            ("users", f"{self.users:,}"),
            ("items", f"{items:,}"),
            ("interactions", f"{sum(block.interactions for block in self.blocks):,}"),
            ("pair operations", f"{self.operations:,}"),
            (
                "blocks",
                f"{len(self.blocks):,} of at most {largest:,} interactions, "
                f"{size(self.bytes_written)} written once",
            ),
            (
                "tiles",
                f"{len(self.tiles):,}, the largest takes {longest:.1f} s of core time; they read "
                f"{size(self.bytes_read)}, each executor a block at most once",
            ),
            (
                "shuffled",
                f"{size(self.bytes_shuffled)} of interactions and at most "
                f"{size(self.bytes_offered)} of short lists; pairs never",
            ),
            (
                "per executor",
                f"{self.operations // max(executors, 1):,} pair operations, "
                f"{seconds / max(executors, 1):.1f} s of core time on each of {executors}",
            ),
            ("estimated time", f"{wall:.1f} s, {self.slots} tasks at a time"),
        ]
        width = max(len(name) for name, _ in lines)
        return "\n".join(f"{name:<{width}}  {text}" for name, text in lines)


def order_of(supports: numpy.ndarray) -> numpy.ndarray:
    """The code at each position: by descending support, then descending code."""
    return numpy.lexsort((numpy.arange(len(supports)), supports))[::-1]


def plan(
    catalogue: Catalogue,
    sizes: Sizes,
    job: Decided,
    costs: Costs,
    *,
    slots: int,
    memory_bytes: int,
    wanted: numpy.ndarray | None = None,
) -> Plan:
    """Cuts blocks and tiles by what they cost in the plugin. `wanted`: the positions to compute
    neighbours for, ascending."""
    supports = catalogue.supports[order_of(catalogue.supports)]
    blocks = _fitting(_Cutter(supports, sizes, job, costs, slots), memory_bytes)
    # Of two interactions of one user, so often: either may be the row.
    share = 2 * sizes.operations / max(sizes.interactions, 1) ** 2
    both = _Draft(supports, blocks, "both", share, costs, slots)
    chosen = both
    if wanted is not None:
        row = _Draft(supports, blocks, "row", share, costs, slots, wanted)
        chosen = row if row.cost < both.cost else both
    tiles = sorted(chosen.cut(), key=lambda tile: -tile.cost)
    return Plan(
        users=sizes.users,
        population=sizes.users + sizes.emptied,
        numbers=sizes.numbers,
        sides=chosen.sides,
        blocks=blocks,
        tiles=tiles,
        operations=sizes.operations,
        slots=slots,
        weighted=job.is_weighted,
        top=job.top,
    )


def offers_at_once(costs: Costs, memory_bytes: int) -> int:
    """The number of offers that an instance can merge at once."""
    return max((memory_bytes - costs.bytes.instance) // 4 // costs.bytes.offer, 1)


class _Cutter:
    """Cuts items into blocks of as many interactions: enough for tiles to keep all tasks busy, small
    enough for two of them to be held by an instance with all that is found between them."""

    def __init__(self, supports: numpy.ndarray, sizes: Sizes, job: Decided, costs: Costs, slots: int):
        self._supports, self._bytes = supports, costs.bytes
        busy = min(int(numpy.ceil(numpy.sqrt(2 * WAVES * slots))), MOST_BLOCKS // 2)
        self._most = max(sizes.interactions // busy, 10_000)
        self._items = self._bytes_of(sizes, job)

    def _bytes_of(self, sizes: Sizes, job: Decided) -> numpy.ndarray:
        """What each item takes of an instance. In a block it finds no more neighbours than its users
        have interactions there, on average."""
        met = 2 * sizes.operations / max(sizes.interactions, 1) ** 2 * self._most
        kept = numpy.minimum(met * self._supports + 8, min(job.top, len(self._supports)))
        each = self._bytes
        return (each.item + each.interaction * self._supports + each.neighbour * kept).astype("<i8")

    @property
    def largest(self) -> int:
        """What the largest item takes."""
        return int(self._items.max(initial=0))

    def room(self, memory_bytes: int) -> int:
        """What a block may take of an instance, which also marks every item as listed or not."""
        free = min(memory_bytes, MOST_MEMORY) - self._bytes.instance - 2 * len(self._items)
        return int(BLOCK_SHARE * free)

    def blocks(self, memory_bytes: int) -> list[Block]:
        """The blocks for instances of so much memory; an item is in one whole."""
        before = _sums(self._supports)
        bytes_before, room = _sums(self._items), self.room(memory_bytes)
        blocks, first = [], 0
        while first < len(self._supports):
            ends = [(before, self._most), (bytes_before, room)]
            ends = [numpy.searchsorted(sums, sums[first] + most, side="right") for sums, most in ends]
            end = max(int(min(ends)) - 1, first + 1)
            blocks.append(Block(first, end, int(before[end] - before[first])))
            first = end
        return blocks


def _sums(numbers: numpy.ndarray) -> numpy.ndarray:
    """What comes before each of them, and before the end."""
    return numpy.concatenate([[0], numpy.cumsum(numbers, dtype="<i8")])


def _fitting(cutter: _Cutter, memory_bytes: int) -> list[Block]:
    """The blocks, or a refusal that says from how much memory on there are any."""
    fits = lambda memory: cutter.largest <= cutter.room(memory)
    few = lambda memory: fits(memory) and len(cutter.blocks(memory)) <= MOST_BLOCKS
    if few(memory_bytes):
        return cutter.blocks(memory_bytes)
    why = f"make more than {MOST_BLOCKS:,} blocks"
    if not fits(memory_bytes):
        why = f"are too large: the largest takes {size(cutter.largest)} with its neighbours"
    doubled = (LEAST_MEMORY << step for step in range(10))
    enough = next((memory for memory in doubled if memory > memory_bytes and few(memory)), None)
    fix = "no instance is large enough: drop items with min_support, or lower top"
    if enough:
        fix = f"set memory_bytes={enough} ({size(enough)}), or lower top"
    raise Refused("memory", f"in instances of {size(memory_bytes)} the items {why}; {fix}")


class _Draft:
    """What every pair of blocks costs; cut into tiles by pair operations, not by rows."""

    def __init__(
        self, supports, blocks: list[Block], sides: str, share: float, costs: Costs, slots: int, wanted=None
    ):
        self.sides, self._blocks, self._share, self._slots = sides, blocks, share, slots
        self._seconds = costs.seconds
        # What counts of a position: its interactions, where it is a row to compute.
        counts = supports if wanted is None else numpy.zeros_like(supports)
        if wanted is not None:
            counts[wanted] = supports[wanted]
        self._rows = _sums(counts)

    def _pairs(self):
        for rows, block in enumerate(self._blocks):
            of_rows = int(self._rows[block.end] - self._rows[block.first])
            last = rows + 1 if self.sides == "both" else len(self._blocks)
            for columns in range(last if of_rows else 0):
                half = 0.5 if self.sides == "both" and rows == columns else 1.0
                operations = self._share * half * of_rows * self._blocks[columns].interactions
                yield rows, columns, of_rows, operations

    def _cost(self, rows: int, columns: int, of_rows: float, operations: float) -> float:
        across = self._blocks[columns]
        items = self._blocks[rows].end - self._blocks[rows].first + across.end - across.first
        touched = of_rows + (across.interactions if rows != columns else 0)
        each = self._seconds
        return TILE + operations * each.operation + touched * each.interaction + items * each.item

    @property
    def cost(self) -> float:
        return sum(self._cost(*pair) for pair in self._pairs())

    def cut(self) -> list[Tile]:
        pairs = list(self._pairs())
        each = self._seconds.operation
        goal = max(sum(operations for *_, operations in pairs) * each / (WAVES * self._slots), LEAST)
        tiles = []
        for rows, columns, of_rows, operations in pairs:
            block = self._blocks[rows]
            pieces = max(1, min(round(operations * each / goal), block.end - block.first))
            begin = self._rows[block.first]
            goals = begin + of_rows * numpy.arange(pieces + 1) / pieces
            cuts = numpy.searchsorted(self._rows[block.first : block.end + 1], goals) + block.first
            cuts = numpy.unique(numpy.clip(cuts, block.first, block.end))
            for first, end in zip(cuts.tolist(), cuts[1:].tolist()):
                part = (self._rows[end] - self._rows[first]) / of_rows
                cost = float(self._cost(rows, columns, of_rows * part, operations * part))
                tiles.append(Tile(rows, columns, first, end, int(operations * part), cost))
        return tiles
