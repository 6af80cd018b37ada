"""Tables in, a table out."""

import dataclasses
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypedDict, Unpack

import numpy
import pyarrow

from ilk_plugin.errors import Ended, Refused
from ilk_plugin.jobs import JobLike, settings_of
from ilk_plugin.sandbox import Instance, Plugin, alone, plugin_of
from ilk_plugin.settings import Source

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


class Request(Source, total=False):
    """What a session takes: the columns, and these."""

    job: JobLike
    """The job; see `SimilarityJob`."""
    only: Iterable[object] | None
    """IDs of the only items allowed as neighbours."""
    exclude: Iterable[object] | None
    """IDs of items excluded as neighbours."""
    wanted: Iterable[object] | None
    """IDs of the items to compute neighbours for. Default: all."""


@dataclasses.dataclass(frozen=True)
class Note:
    """Something worth knowing about the rows."""

    code: str
    count: int
    text: str


class Session:
    """Computes the neighbours of one table: `add` batches, `step` until it is `finished`, then take
    the `result`, once.

    A session is for one thread at a time: a call during another one is refused as `Busy`."""

    def __init__(
        self,
        plugin: Plugin | str | os.PathLike[str] | None = None,
        *,
        user: str,
        item: str,
        weight: str | None = None,
        time: str | None = None,
        item_label: str | None = None,
        time_unit: str | None = None,
        time_format: str | None = None,
        where: Sequence[str] = (),
        job: JobLike = None,
        only: Iterable[object] | None = None,
        exclude: Iterable[object] | None = None,
        wanted: Iterable[object] | None = None,
    ) -> None:
        optional = {"weight": weight, "time": time, "item_label": item_label}
        given = {name: column for name, column in optional.items() if column is not None}
        columns = {"user": user, "item": item, **given}
        _check_columns(columns)
        times = {"time_unit": time_unit, "time_format": time_format}
        times = {name: value for name, value in times.items() if value is not None}
        where = _conditions(where)
        lists = {"only": only, "exclude": exclude, "wanted": wanted}
        ids = {name: ids_of(name, listed) for name, listed in lists.items() if listed is not None}
        if "wanted" in ids:
            ids["for"] = ids.pop("wanted")
        request = {"source": {**columns, **times, "where": where}, "job": settings_of(job), **ids}
        matches = [CONDITION.match(text) for text in where]
        looked_at = [match[1].strip() for match in matches if match]
        self._columns = list(dict.fromkeys([*columns.values(), *looked_at]))
        self._instance = Instance(plugin_of(plugin))
        self.lock = self._instance.lock
        self._was_taken = False
        self._handle = self._instance.call(
            "ilk_session_open", *self._instance.put(json.dumps(request).encode())
        )

    @alone
    def add(self, table: Any) -> None:
        """Adds the rows of any table that `similar_items` takes; other columns are ignored."""
        table = _to_arrow(table, self._columns)
        sink = io.BytesIO()
        with pyarrow.ipc.new_stream(sink, table.schema) as writer:
            for batch in table.to_batches(max_chunksize=ROWS):
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
        progress = self._instance.json()
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


def _check_columns(columns: dict[str, str]) -> None:
    for name, column in columns.items():
        if not isinstance(column, str):
            raise Refused("setting", f"{name} is {column!r}; give the name of a column")
    if columns["user"] and columns["user"] == columns["item"]:
        raise Refused(
            "setting",
            f"user and item are the same column, `{columns['user']}`; name the user ID column and the "
            "item ID column",
        )


def _listed(name: str, given, example: str) -> list:
    """Makes a list of what is one. A text is not, though it could be gone through."""
    if isinstance(given, str | bytes) or not hasattr(given, "__iter__"):
        raise Refused("setting", f"{name} is {type(given).__name__}; give a list, as in {name}={example}")
    return list(given)


def _conditions(where) -> list[str]:
    conditions = _listed("where", where, "['country=FR']")
    for condition in conditions:
        if not isinstance(condition, str):
            raise Refused("setting", f"where has {condition!r}; conditions are strings, as in 'country=FR'")
    return conditions


def ids_of(name: str, given) -> list[str]:
    """Spells the ids of a list as columns have them; nulls are none. `name`: whose list it is."""
    ids = [_id(name, value) for value in _listed(name, given, "['85123A']")]
    return [id for id in ids if id is not None]


def _id(name: str, value) -> str | None:
    if isinstance(value, pyarrow.Scalar):
        value = value.as_py()
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, bytes):
        return _text(name, value)
    # pandas makes floats of whole numbers beside nulls.
    if not isinstance(value, float | numpy.floating):
        return str(value)
    if numpy.isnan(value):
        return None
    if not value.is_integer():
        raise Refused("setting", f"{name} has {value}; IDs are strings or whole numbers")
    return str(int(value))


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Refused("setting", f"{name} has {value!r}, which is not UTF-8; IDs are strings or whole numbers") from None


def _kind(table) -> str:
    """Says whose table it is: `pandas`, `polars`, or `pyarrow` for all that Arrow reads."""
    frames = {(kind.__module__.partition(".")[0], kind.__name__) for kind in type(table).__mro__}
    for library in ("pandas", "polars"):
        if (library, "DataFrame") in frames:
            return library
    if hasattr(table, "__arrow_c_stream__") or hasattr(table, "__arrow_c_array__"):
        return "pyarrow"
    raise _no_table(table)


def _no_table(table) -> TypeError:
    return TypeError(
        f"the table is a {type(table).__name__}; give a pandas or polars data frame, a pyarrow "
        "table, or an object with __arrow_c_stream__"
    )


def _to_arrow(table, columns: list[str]) -> pyarrow.Table:
    """Takes some columns out of a table. The others are not looked at: they may hold what Arrow
    does not have."""
    kind = _kind(table)
    if kind == "pyarrow":
        table = _read(table)
    names = [str(name) for name in (table.column_names if kind == "pyarrow" else table.columns)]
    if not set(columns) <= set(names):
        # The plugin says what is missing, and what there is.
        return pyarrow.table([pyarrow.nulls(0)] * len(names), names=names)
    for column in columns:
        if names.count(column) > 1:
            raise Refused("column", f"the table has several columns `{column}`; rename or drop the others")
    if kind == "pyarrow":
        return table.select(columns)
    take = _of_pandas if kind == "pandas" else _of_polars
    return pyarrow.table({column: take(table, names.index(column), column) for column in columns})


def _read(table) -> pyarrow.Table:
    if isinstance(table, pyarrow.Table):
        return table
    try:
        return pyarrow.table(table)
    except pyarrow.ArrowInvalid as error:
        # One column gives a stream as well.
        if "non-struct" in str(error):
            raise _no_table(table) from None
        raise


def _of_pandas(frame, place: int, name: str):
    try:
        return pyarrow.array(frame.iloc[:, place], from_pandas=True)
    except (pyarrow.ArrowException, TypeError, ValueError, OverflowError) as error:
        why = " ".join(str(error).split())
        raise Refused(
            "column",
            f"column `{name}` has values of several types, or of a type that Arrow lacks ({why}); "
            "convert it, as with .astype(str)",
        ) from None


def _of_polars(frame, place: int, name: str):
    series = frame[:, place]
    try:
        # What Arrow gets of objects are their addresses.
        if str(series.dtype) != "Object":
            return pyarrow.table(series.to_frame()).column(0)
    except pyarrow.ArrowException:
        pass
    raise Refused("column", f"column `{name}` has type {series.dtype}, which Arrow lacks; cast it")


def _from_arrow(table: pyarrow.Table, kind: str):
    if kind == "pandas":
        return table.to_pandas()
    if kind == "polars":
        import polars

        return polars.from_arrow(table)
    return table


def similar_items(
    table: Any,
    *,
    plugin: Plugin | str | os.PathLike[str] | None = None,
    on_progress: Callable[[Progress], object] | None = None,
    on_notes: Callable[[list[Note]], object] | None = None,
    **request: Unpack[Request],
) -> Any:
    """Finds the neighbours of every item (of every user with `of="users"` in the job).

    `table`: a pandas or polars data frame, a pyarrow table or batch, or any Arrow stream. `plugin`:
    what `load` returns, or the path of a plugin's file. `request`: `user` and `item` name the ID
    columns; `weight`, `time`, `item_label`, `time_unit`, `time_format`, `where`, `job`, `only`,
    `exclude` and `wanted` are optional. `on_progress` is called after every step; an exception in it stops the work. `on_notes`
    is called with what happened to the rows, including those set aside.

    Returns a table of the same kind, with the columns of `ilk run`.
    """
    kind = _kind(table)
    session = Session(plugin, **request)
    session.add(table)
    while True:
        progress = session.step()
        if on_progress is not None:
            on_progress(progress)
        if progress["finished"]:
            break
    if on_notes is not None:
        on_notes(session.notes())
    return _from_arrow(session.result(), kind)
