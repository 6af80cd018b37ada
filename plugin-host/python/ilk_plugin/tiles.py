"""Tiles: some items' rows against some items' columns, for hosts that spread the work."""

import dataclasses
import json
from collections.abc import Iterable
from typing import Any, Literal

import numpy
from numpy.typing import ArrayLike, NDArray

from ilk_plugin.jobs import JobLike, settings_of
from ilk_plugin.sandbox import Instance, Path, Plugin, alone, plugin_of

Sides = Literal["row", "both"]


@dataclasses.dataclass
class Items:
    """The items, by position: 0 is the item with the most users. A host takes all items, or for
    one tile by itself just its columns and rows."""

    users: int
    """Users there are in all: N of the measures."""
    codes: ArrayLike
    """The code of each item; of equal scores the smaller code comes first."""
    supports: ArrayLike
    """Users of each item, never rising."""
    squares: ArrayLike | None = None
    """Sum of squared weights of each item; absent where every weight is 1."""
    numbers: int | None = None
    """The bound of users in blocks, where a host numbers only those of a tile; else `users`."""
    candidates: Iterable[int] | None = None
    """Positions of the items that may be neighbours; all of them if absent."""
    wanted: Iterable[int] | None = None
    """Positions of the items to compute neighbours for; all of them if absent."""


@dataclasses.dataclass
class Block:
    """Consecutive items with their users."""

    first: int
    """Position of the first item."""
    starts: ArrayLike
    """Item i has `users[starts[i]:starts[i + 1]]`: one more than there are items, from 0 on."""
    users: ArrayLike
    """Users, strictly ascending within an item."""
    weights: ArrayLike | None = None
    """As many weights, after weighting; absent where every weight is 1."""


@dataclasses.dataclass
class Offers:
    """Neighbours of items: as many entries in each array."""

    items: NDArray[Any]
    neighbours: NDArray[Any]
    scores: NDArray[Any]
    overlaps: NDArray[Any]

    @staticmethod
    def concatenate(parts: list["Offers"]) -> "Offers":
        """Puts offers one after the other."""
        names = [field.name for field in dataclasses.fields(Offers)]
        return Offers(*(numpy.concatenate([getattr(part, name) for part in parts]) for name in names))


def _codes(given: ArrayLike) -> NDArray[numpy.uint32]:
    array = numpy.asarray(given)
    if array.ndim != 1 or array.size and not _are_codes(array):
        raise ValueError("codes, users, starts and supports must be lists of whole numbers below 2**32")
    return numpy.ascontiguousarray(array, dtype="<u4")


def _are_codes(array: NDArray[Any]) -> bool:
    if array.dtype.kind not in "uif":
        return False
    if array.dtype.kind == "f" and not (numpy.isfinite(array) & (array == numpy.floor(array))).all():
        return False
    return bool(array.min() >= 0 and array.max() <= 0xFFFF_FFFF)


def _offers(instance: Instance, function: str) -> Offers:
    """Reads offers that a call answered with."""
    answer = instance.answer()
    if len(answer) % 16:
        raise instance.nonsense(function, f"offers of {len(answer)} bytes")
    lists = answer.view("<u4").reshape(4, -1)
    scores = lists[2].view("<f4")
    if not numpy.isfinite(scores).all():
        raise instance.nonsense(function, "a score that is not finite")
    return Offers(lists[0], lists[1], scores, lists[3])


def _squares(items: Items) -> NDArray[numpy.float64] | None:
    if items.squares is None:
        return None
    squares = numpy.ascontiguousarray(items.squares, dtype="<f8")
    if not (numpy.isfinite(squares) & (squares >= 0)).all():
        raise ValueError("squares must be finite and at least 0: they are sums of squared weights")
    return squares


class Comparison:
    """Tiles of one job, computed in any order, in an instance of its own. With `sides="both"` a
    row meets smaller positions and offers to both items; with `"row"` it meets all and offers to
    the row's item only. For one thread at a time: a second is refused as `Busy`."""

    def __init__(
        self,
        items: Items,
        *,
        job: JobLike = None,
        sides: Sides = "row",
        plugin: Plugin | Path | None = None,
        instance: Instance | None = None,
    ) -> None:
        """`instance`: one to work in, for hosts that compute many comparisons one after the other
        and close each."""
        self._instance = instance or Instance(plugin_of(plugin))
        self.lock = self._instance.lock
        request = {
            "job": settings_of(job),
            "users": items.users,
            "numbers": items.users if items.numbers is None else items.numbers,
            "sides": sides,
            "candidates": None if items.candidates is None else [int(n) for n in items.candidates],
            "wanted": None if items.wanted is None else [int(n) for n in items.wanted],
        }
        codes, supports = _codes(items.codes), _codes(items.supports)
        squares = _squares(items)
        if len(codes) != len(supports) or squares is not None and len(squares) != len(codes):
            raise ValueError("codes, supports and squares must have the same length")
        put = self._instance.put
        self._handle = self._instance.call(
            "ilk_tiles_open",
            *put(json.dumps(request).encode()),
            len(codes),
            put(codes)[0],
            put(supports)[0],
            0 if squares is None else put(squares)[0],
        )

    def rows(self, block: Block) -> None:
        """Sets the rows of the next tiles."""
        self._take("ilk_tiles_rows", block)

    def columns(self, block: Block) -> None:
        """Sets the columns of the next tiles."""
        self._take("ilk_tiles_columns", block)

    @alone
    def columns_of_rows(self, first: int, width: int) -> None:
        """Sets some of the rows' own items as columns."""
        self._instance.call("ilk_tiles_columns_of_rows", self._handle, first, width)

    @alone
    def compute(self, positions: ArrayLike) -> Offers:
        """Computes the rows at `positions` against the columns. Returns the offers that are still
        among their item's k best of all that this comparison has seen."""
        positions = _codes(positions)
        address, _ = self._instance.put(positions)
        self._instance.call("ilk_tiles_compute", self._handle, address, len(positions))
        return _offers(self._instance, "ilk_tiles_compute")

    @alone
    def close(self) -> None:
        """Frees its memory in the instance."""
        self._instance.number("ilk_tiles_close", self._handle)

    @alone
    def _take(self, function: str, block: Block) -> None:
        starts, users = _codes(block.starts), _codes(block.users)
        if len(starts) == 0:
            raise ValueError("starts must have one entry more than there are items")
        weights = 0
        if block.weights is not None:
            array = numpy.ascontiguousarray(block.weights, dtype="<f8")
            if len(array) != len(users):
                raise ValueError("weights must have the length of users")
            weights, _ = self._instance.put(array)
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
    job: JobLike = None,
    sides: Sides = "row",
    plugin: Plugin | Path | None = None,
) -> Offers:
    """Computes one tile by itself: all of its rows against its columns."""
    comparison = Comparison(items, job=job, sides=sides, plugin=plugin)
    comparison.rows(rows)
    comparison.columns(columns)
    count = len(_codes(rows.starts)) - 1
    return comparison.compute(numpy.arange(rows.first, rows.first + count))


def merge(
    top: int,
    offers: Offers,
    *,
    plugin: Plugin | Path | None = None,
    instance: Instance | None = None,
) -> Offers:
    """Merges offers in any order and grouping: by item, best first, at most `top` per item."""
    scores = numpy.ascontiguousarray(offers.scores, dtype="<f4")
    if not numpy.isfinite(scores).all():
        raise ValueError("scores must be finite")
    arrays = [_codes(offers.items), _codes(offers.neighbours), scores.view("<u4")]
    arrays.append(_codes(offers.overlaps))
    if len({len(array) for array in arrays}) != 1:
        raise ValueError("items, neighbours, scores and overlaps must have the same length")
    instance = instance or Instance(plugin_of(plugin))
    address, _ = instance.put(numpy.concatenate(arrays))
    instance.call("ilk_merge", top, address, len(arrays[0]))
    return _offers(instance, "ilk_merge")
