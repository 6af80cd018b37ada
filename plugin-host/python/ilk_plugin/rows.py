"""What hosts need that prepare rows themselves and leave the tiles to the plugin."""

import dataclasses
import json
from typing import Any

import numpy
import pyarrow
from numpy.typing import NDArray

from ilk_plugin.jobs import JobLike, settings_of
from ilk_plugin.sandbox import Instance


@dataclasses.dataclass(frozen=True)
class Decided:
    """A job with all settings resolved, as far as a host needs them."""

    of: str
    measure: str
    weighting: str
    center: str
    """Whose mean is subtracted from weights: `none`, `user` or `item`."""
    norm: str
    """What is added up of an item's weights for tiles: `squares` or `sums`."""
    top: int
    threshold: float | None
    min_support: int
    max_items_per_user: int | None
    duplicates: str
    negative_weights: str
    max_bad_rows: float
    spared_bad_rows: int
    strict: bool
    now: int | None
    """Reference time for decay, in microseconds since 1970, if the job has one."""
    needs_weight: bool
    """Weights differ between pairs and are used."""
    needs_time: bool
    """Timestamps are used."""
    is_weighted: bool
    """Tiles take weights: not all of them are 1 after weighting."""
    heaviest_user: int
    """Number of items of a user above which a job is refused."""


def decide(instance: Instance, job: JobLike, *, weight: bool, time: bool) -> Decided:
    """Resolves a job for data with or without a weight and a timestamp column."""
    request = {"job": settings_of(job), "weight": weight, "time": time}
    instance.call("ilk_job", *instance.put(json.dumps(request).encode()))
    try:
        return Decided(**instance.json())
    except TypeError as error:
        raise instance.nonsense("ilk_job", str(error)) from None


@dataclasses.dataclass(frozen=True)
class Seconds:
    """Predicted core time of a tile, by what it holds."""

    operation: float
    """For each pair operation."""
    interaction: float
    """For each interaction of rows and columns."""
    item: float
    """For each item of rows and columns."""


@dataclasses.dataclass(frozen=True)
class Bytes:
    """Memory of an instance, by what it holds."""

    instance: int
    """For the instance itself."""
    interaction: int
    """For each interaction, with its weight if the job has weights."""
    item: int
    """For each item."""
    neighbour: int
    """For each neighbour that may be found."""
    offer: int
    """For each offer that is merged."""


@dataclasses.dataclass(frozen=True)
class Costs:
    """What tiles of a job cost in the plugin."""

    seconds: Seconds
    bytes: Bytes


def costs(
    instance: Instance,
    job: JobLike = None,
    *,
    weight: bool = False,
    time: bool = False,
    users: int = 0,
    items: int = 0,
    interactions: int = 0,
    operations: int = 0,
) -> Costs:
    """Predicts what tiles of a job cost. `weight`, `time`: whether the data has these columns;
    `operations`: the number of pair operations."""
    extent = {"users": users, "items": items, "interactions": interactions, "operations": operations}
    request = {"job": settings_of(job), "weight": weight, "time": time, **extent}
    instance.call("ilk_costs", *instance.put(json.dumps(request).encode()))
    try:
        answer = instance.json()
        return Costs(Seconds(**answer["seconds"]), Bytes(**answer["bytes"]))
    except (KeyError, TypeError) as error:
        raise instance.nonsense("ilk_costs", str(error)) from None


def hashes(instance: Instance, texts: pyarrow.Array) -> NDArray[numpy.uint64]:
    """Hashes texts without nulls, as by-user samples do: XXH3-64, seed 0."""
    instance.call("ilk_hashes", *_put(instance, texts))
    return instance.answer().view("<u8")


def times(
    instance: Instance,
    texts: pyarrow.Array,
    *,
    time_unit: str | None = None,
    time_format: str | None = None,
) -> pyarrow.Array:
    """Reads texts as times: microseconds since 1970, null for what is no time. `time_unit`: what
    numbers count; `time_format`: how texts are written, ISO 8601 if absent."""
    rule = {"time_unit": time_unit, "time_format": time_format}
    request = instance.put(json.dumps(rule).encode())
    instance.call("ilk_times", *request, *_put(instance, texts.fill_null("")))
    micros = instance.answer().view("<i8")
    return pyarrow.array(micros, mask=micros == numpy.iinfo("<i8").min)


def _put(instance: Instance, texts: pyarrow.Array) -> tuple[int, int, int, int]:
    """Hands texts over, one after the other: where their starts are and how many texts, where their
    bytes are and how many."""
    texts = texts.cast(pyarrow.large_binary())
    starts = numpy.frombuffer(texts.buffers()[1], dtype="<i8")
    starts = starts[texts.offset : texts.offset + len(texts) + 1]
    data = texts.buffers()[2]
    data = numpy.frombuffer(data, dtype="u1")[starts[0] : starts[-1]] if data else numpy.empty(0, "u1")
    at = instance.put((starts - starts[0]).astype("<u4"))[0]
    return at, len(texts), *instance.put(data)


def weigh(
    instance: Instance,
    job: JobLike,
    count: int,
    *,
    items: int,
    average: float = 0.0,
    newest: int = 0,
    weights: NDArray[Any] | None = None,
    degrees: NDArray[Any] | None = None,
    lengths: NDArray[Any] | None = None,
    times: NDArray[Any] | None = None,
    anchors: NDArray[Any] | None = None,
    events: bool = False,
) -> NDArray[Any]:
    """Weighs `count` interactions. `items`: all items; `average`: the mean of all items' lengths,
    for BM25; `newest`: the newest time, for decay. Of each interaction: its weight before weighting,
    the items of its user, the sum of its item's weights in ascending order of users, its time, the
    newest time of its item. With `center` degrees and lengths are the count and the sum of the weights
    whose mean is subtracted. With `events` these are rows of a user and item before they are added up,
    and `anchors` the newest time of these rows."""
    request = {"job": settings_of(job), "items": items, "average": average, "newest": newest}
    request["events"] = events
    columns = [(weights, "<f8"), (degrees, "<u4"), (lengths, "<f8"), (times, "<i8"), (anchors, "<i8")]
    put = instance.put(json.dumps(request).encode())
    addresses = [
        0 if column is None else instance.put(numpy.ascontiguousarray(column, dtype=kind))[0]
        for column, kind in columns
    ]
    instance.call("ilk_weigh", *put, count, *addresses)
    return instance.answer().view("<f8")
