"""Tiles: some items' rows against some items' columns, for hosts that spread the work."""

import dataclasses
import json

import numpy

from ilk_plugin.jobs import settings_of
from ilk_plugin.sandbox import Instance, Plugin, load


@dataclasses.dataclass
class Items:
    """The items, by position: 0 is the item with the most users. A host takes all items, or for
    one tile by itself just its columns and rows."""

    users: int
    """Users there are in all: N of the measures."""
    codes: numpy.ndarray
    """The code of each item; of equal scores the smaller code comes first."""
    supports: numpy.ndarray
    """Users of each item, never rising."""
    squares: numpy.ndarray | None = None
    """Sum of squared weights of each item; absent where every weight is 1."""
    numbers: int | None = None
    """The bound of users in blocks, where a host numbers only those of a tile; else `users`."""
    candidates: list[int] | None = None
    """Positions of the items that may be neighbours; all of them if absent."""
    wanted: list[int] | None = None
    """Positions of the items to compute neighbours for; all of them if absent."""


@dataclasses.dataclass
class Block:
    """Consecutive items with their users."""

    first: int
    """Position of the first item."""
    starts: numpy.ndarray
    """Item i has `users[starts[i]:starts[i + 1]]`: one more than there are items, from 0 on."""
    users: numpy.ndarray
    """Users, strictly ascending within an item."""
    weights: numpy.ndarray | None = None
    """As many weights, after weighting; absent where every weight is 1."""


@dataclasses.dataclass
class Offers:
    """Neighbours of items: as many entries in each array."""

    items: numpy.ndarray
    neighbours: numpy.ndarray
    scores: numpy.ndarray
    overlaps: numpy.ndarray

    @staticmethod
    def concatenate(parts: list["Offers"]) -> "Offers":
        """Puts offers one after the other."""
        names = [field.name for field in dataclasses.fields(Offers)]
        return Offers(*(numpy.concatenate([getattr(part, name) for part in parts]) for name in names))


def _codes(array) -> numpy.ndarray:
    array = numpy.asarray(array)
    if array.size and (array.min() < 0 or array.max() > 0xFFFF_FFFF):
        raise ValueError("codes, users, starts and supports are whole numbers below 2**32")
    return numpy.ascontiguousarray(array, dtype="<u4")


def _offers(answer: numpy.ndarray) -> Offers:
    lists = answer.view("<u4").reshape(4, -1)
    return Offers(lists[0], lists[1], lists[2].view("<f4"), lists[3])


class Comparison:
    """Tiles of one job, computed in any order, in an instance of its own. With `sides="both"` a
    row meets smaller positions and offers to both items; with `"row"` it meets all and offers to
    the row's item only."""

    def __init__(
        self,
        items: Items,
        *,
        job=None,
        sides: str = "row",
        plugin: Plugin | None = None,
        instance: Instance | None = None,
    ):
        """`instance`: one to work in, for hosts that compute many comparisons one after the other
        and close each."""
        self._instance = instance or Instance(plugin or load())
        request = {
            "job": settings_of(job),
            "users": items.users,
            "numbers": items.users if items.numbers is None else items.numbers,
            "sides": sides,
            "candidates": None if items.candidates is None else [int(n) for n in items.candidates],
            "wanted": None if items.wanted is None else [int(n) for n in items.wanted],
        }
        codes, supports = _codes(items.codes), _codes(items.supports)
        if len(codes) != len(supports) or items.squares is not None and len(items.squares) != len(codes):
            raise ValueError("there must be as many codes as supports and squares")
        put = self._instance.put
        squares = 0
        if items.squares is not None:
            squares, _ = put(numpy.ascontiguousarray(items.squares, dtype="<f8"))
        self._handle = self._instance.call(
            "ilk_tiles_open",
            *put(json.dumps(request).encode()),
            len(codes),
            put(codes)[0],
            put(supports)[0],
            squares,
        )

    def rows(self, block: Block) -> None:
        """Takes the rows of the tiles to come."""
        self._take("ilk_tiles_rows", block)

    def columns(self, block: Block) -> None:
        """Takes the columns of the tiles to come."""
        self._take("ilk_tiles_columns", block)

    def columns_of_rows(self, first: int, width: int) -> None:
        """Takes as columns some of the rows' own items."""
        self._instance.call("ilk_tiles_columns_of_rows", self._handle, first, width)

    def compute(self, positions) -> Offers:
        """Computes the rows at `positions` against the columns. Returns the offers that are still
        among their item's k best of all that this comparison has seen."""
        positions = _codes(positions)
        address, _ = self._instance.put(positions)
        self._instance.call("ilk_tiles_compute", self._handle, address, len(positions))
        return _offers(self._instance.answer())

    def close(self) -> None:
        """Frees what it holds in its instance."""
        self._instance.number("ilk_tiles_close", self._handle)

    def _take(self, function: str, block: Block) -> None:
        starts, users = _codes(block.starts), _codes(block.users)
        if len(starts) == 0:
            raise ValueError("starts has one entry more than there are items: at least one")
        weights = 0
        if block.weights is not None:
            if len(block.weights) != len(users):
                raise ValueError("there must be as many weights as users")
            weights, _ = self._instance.put(numpy.ascontiguousarray(block.weights, dtype="<f8"))
        put = self._instance.put
        self._instance.call(
            function,
            self._handle,
            block.first,
            len(starts) - 1,
            put(starts)[0],
            put(users)[0],
            weights,
            len(users),
        )


def compute_tile(
    items: Items,
    rows: Block,
    columns: Block,
    *,
    job=None,
    sides: str = "row",
    plugin: Plugin | None = None,
) -> Offers:
    """Computes one tile by itself: all of its rows against its columns."""
    comparison = Comparison(items, job=job, sides=sides, plugin=plugin)
    comparison.rows(rows)
    comparison.columns(columns)
    return comparison.compute(numpy.arange(rows.first, rows.first + len(rows.starts) - 1))


def merge(
    top: int, offers: Offers, *, plugin: Plugin | None = None, instance: Instance | None = None
) -> Offers:
    """Brings offers together, in any order and grouping: by item, best first, at most `top` each."""
    instance = instance or Instance(plugin or load())
    arrays = [_codes(offers.items), _codes(offers.neighbours)]
    arrays.append(numpy.ascontiguousarray(offers.scores, dtype="<f4").view("<u4"))
    arrays.append(_codes(offers.overlaps))
    if len({len(array) for array in arrays}) != 1:
        raise ValueError("there must be as many of each")
    address, _ = instance.put(numpy.concatenate(arrays))
    instance.call("ilk_merge", top, address, len(arrays[0]))
    return _offers(instance.answer())
