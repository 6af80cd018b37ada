"""Tables in, a table out."""

import contextlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypedDict, TypeVar, overload

import pyarrow

from ilk_plugin import notes as noted
from ilk_plugin.arguments import TimeUnit, check_columns, check_texts, conditions_of, ids_of
from ilk_plugin.errors import Ended, Refused
from ilk_plugin.frames import ArrowBatch, ArrowStream, Frame, from_arrow, kind_of, to_arrow
from ilk_plugin.jobs import JobLike, settings_of
from ilk_plugin.notes import Note
from ilk_plugin.sandbox import Instance, Path, Plugin, alone, plugin_of

FrameT = TypeVar("FrameT", bound=Frame)
# Pieces of a table: large enough to cost nothing, small enough not to be felt in memory.
ROWS = 1 << 20
CONDITION = re.compile(r"^(.+?)(?:!=|<=|>=|=|<|>)")


class Progress(TypedDict):
    """How far a session is."""

    stage: str
    """What it does: `sorting`, `arranging`, `comparing`."""
    done: float
    """Completed share of the stage, 0 to 1."""
    finished: bool
    """Whether the result is available."""


class Session:
    """Computes the neighbours of one table: `add` batches, `step` until it is `finished`, then take
    the `result`, once. It never warns; `notes` has what there is to warn about.

    A session is for one thread at a time: a call during another one is refused as `Busy`."""

    def __init__(
        self,
        plugin: Plugin | Path | None = None,
        *,
        user: str,
        item: str,
        weight: str | None = None,
        time: str | None = None,
        item_label: str | None = None,
        time_unit: TimeUnit | None = None,
        time_format: str | None = None,
        where: Sequence[str] = (),
        job: JobLike = None,
        only: Iterable[object] | None = None,
        exclude: Iterable[object] | None = None,
        wanted: Iterable[object] | None = None,
    ) -> None:
        """The arguments are those of `similar_items`."""
        columns = check_columns(user=user, item=item, weight=weight, time=time, item_label=item_label)
        times = check_texts(time_unit=time_unit, time_format=time_format)
        conditions = conditions_of(where)
        lists = {"only": only, "exclude": exclude, "wanted": wanted}
        ids = {name: ids_of(name, listed) for name, listed in lists.items() if listed is not None}
        self._settings = settings_of(job)
        self._listed = {name: len(listed) for name, listed in ids.items()}
        self._arguments = _arguments(columns, conditions)
        source = {**columns, **times, "where": conditions}
        ids = {"for" if name == "wanted" else name: listed for name, listed in ids.items()}
        request = {"source": source, "job": self._settings, **ids}
        self._instance = Instance(plugin_of(plugin))
        self.lock = self._instance.lock
        self._was_taken = False
        with _named({}):
            self._handle = self._instance.call(
                "ilk_session_open", *self._instance.put(json.dumps(request).encode())
            )

    @alone
    def add(self, table: Frame | ArrowStream | ArrowBatch) -> None:
        """Adds the rows of any table that `similar_items` takes; other columns are ignored."""
        with _named(self._arguments):
            self._add(*to_arrow(table, list(self._arguments), ROWS))

    def _add(self, schema: pyarrow.Schema, batches: Iterable[pyarrow.RecordBatch]) -> None:
        sink = io.BytesIO()
        with pyarrow.ipc.new_stream(sink, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
                self._drain(sink)
        self._drain(sink)

    def _drain(self, sink: io.BytesIO) -> None:
        """Hands over what was written since the last time."""
        # Not a view: an error would keep it alive, and the sink could not be closed.
        written = sink.getvalue()
        sink.seek(0)
        sink.truncate()
        self.add_bytes(written)

    @alone
    def add_bytes(self, data: bytes) -> None:
        """Adds the next bytes of an Arrow IPC stream, cut anywhere."""
        self._instance.call("ilk_session_add", self._handle, *self._instance.put(data))

    @alone
    def step(self) -> Progress:
        """Does the next piece of work."""
        self._instance.call("ilk_session_step", self._handle)
        progress: Progress = self._instance.json()
        if not isinstance(progress, dict) or not isinstance(progress.get("finished"), bool):
            raise self._instance.nonsense("ilk_session_step", "no progress")
        return progress

    @alone
    def notes(self) -> list[Note]:
        """Returns what happened to the rows; available from the first step on."""
        self._instance.call("ilk_session_notes", self._handle)
        try:
            return [Note(**note) for note in self._instance.json()]
        except TypeError as error:
            raise self._instance.nonsense("ilk_session_notes", str(error)) from None

    @alone
    def result(self) -> pyarrow.Table:
        """Takes the neighbours when finished; they can be taken once."""
        if self._was_taken:
            raise Ended("the result was already taken; keep what `result` returned, or start over")
        self._was_taken = True
        pieces = []
        while True:
            self._instance.call("ilk_session_next", self._handle)
            piece = self._instance.answer()
            if not len(piece):
                break
            pieces.append(piece.tobytes())
        try:
            return pyarrow.ipc.open_stream(b"".join(pieces)).read_all()
        except pyarrow.ArrowInvalid as error:
            raise self._instance.nonsense("ilk_session_next", f"not a table: {error}") from None


def _arguments(columns: dict[str, str], conditions: list[str]) -> dict[str, str]:
    """Says of each column that is looked at which argument names it."""
    arguments: dict[str, str] = {}
    for name, column in columns.items():
        arguments.setdefault(column, f"{name}={column!r}")
    for condition in conditions:
        if match := CONDITION.match(condition):
            arguments.setdefault(match[1].strip(), f"where={condition!r}")
    return arguments


@contextlib.contextmanager
def _named(arguments: dict[str, str]) -> Iterator[None]:
    """Puts the caller's argument before what is said about its column."""
    try:
        yield
    except Refused as error:
        message = str(error).removeprefix("source.")
        if error.code == "column":
            named = (text for column, text in arguments.items() if f"`{column}`" in message)
            if argument := next(named, None):
                message = f"{argument}: {message}"
        raise Refused(error.code, message) from None


@overload
def similar_items(
    table: FrameT,
    *,
    user: str,
    item: str,
    weight: str | None = None,
    time: str | None = None,
    item_label: str | None = None,
    time_unit: TimeUnit | None = None,
    time_format: str | None = None,
    where: Sequence[str] = (),
    job: JobLike = None,
    only: Iterable[object] | None = None,
    exclude: Iterable[object] | None = None,
    wanted: Iterable[object] | None = None,
    plugin: Plugin | Path | None = None,
    on_progress: Callable[[Progress], object] | None = None,
    on_notes: Callable[[list[Note]], object] | None = None,
) -> FrameT: ...


@overload
def similar_items(
    table: ArrowStream | ArrowBatch,
    *,
    user: str,
    item: str,
    weight: str | None = None,
    time: str | None = None,
    item_label: str | None = None,
    time_unit: TimeUnit | None = None,
    time_format: str | None = None,
    where: Sequence[str] = (),
    job: JobLike = None,
    only: Iterable[object] | None = None,
    exclude: Iterable[object] | None = None,
    wanted: Iterable[object] | None = None,
    plugin: Plugin | Path | None = None,
    on_progress: Callable[[Progress], object] | None = None,
    on_notes: Callable[[list[Note]], object] | None = None,
) -> pyarrow.Table: ...


def similar_items(
    table: Any,
    *,
    user: str,
    item: str,
    weight: str | None = None,
    time: str | None = None,
    item_label: str | None = None,
    time_unit: TimeUnit | None = None,
    time_format: str | None = None,
    where: Sequence[str] = (),
    job: JobLike = None,
    only: Iterable[object] | None = None,
    exclude: Iterable[object] | None = None,
    wanted: Iterable[object] | None = None,
    plugin: Plugin | Path | None = None,
    on_progress: Callable[[Progress], object] | None = None,
    on_notes: Callable[[list[Note]], object] | None = None,
) -> Any:
    """Finds the neighbours of every item (of every user with `of="users"` in the job).

    `table`: a pandas or polars data frame, a pyarrow table or batch, or any Arrow stream. `user`, `item`:
    names of the ID columns. `weight`, `time`, `item_label`: names of a weight, a timestamp and an item
    name column. `time_unit`: the unit of numbers in the time column, found out if absent;
    `time_format`: the format of its texts, as in `%d/%m/%Y`, ISO 8601 if absent. `where`: conditions that rows
    must meet, as in `["country=FR"]`.

    `job`: a `SimilarityJob`, a dictionary or JSON. `only`, `exclude`: IDs of the only items allowed as
    neighbours, and of those that are not. `wanted`: IDs of the items to compute neighbours for; all if
    absent.

    `plugin`: what `load` returns, or the path of a plugin's file. `on_progress` is called after every
    step; an exception in it stops the work. `on_notes` is called with what happened to the rows. Without
    it, an `IlkWarning` tells of rows that were set aside and of lists that match nothing.

    Returns a table of the same kind, with the columns of `ilk run`; of batches and streams a pyarrow
    table. Raises `Refused` for an invalid request, other `PluginError`s at limits.
    """
    kind = kind_of(table)
    session = Session(
        plugin,
        user=user,
        item=item,
        weight=weight,
        time=time,
        item_label=item_label,
        time_unit=time_unit,
        time_format=time_format,
        where=where,
        job=job,
        only=only,
        exclude=exclude,
        wanted=wanted,
    )
    session.add(table)
    _finish(session, on_progress)
    notes, found = session.notes(), session.result()
    if on_notes is not None:
        on_notes(notes)
    else:
        look = "pass on_notes to receive these counts instead of a warning"
        noted.warn(notes, job=session._settings, listed=session._listed, look=look, stacklevel=2)
    return from_arrow(found, kind)


def _finish(session: Session, on_progress: Callable[[Progress], object] | None) -> None:
    while True:
        try:
            progress = session.step()
        except Refused as error:
            if error.code != "no_rows":
                raise
            raise Refused("no_rows", "the table has no rows") from None
        if on_progress is not None:
            on_progress(progress)
        if progress["finished"]:
            break
