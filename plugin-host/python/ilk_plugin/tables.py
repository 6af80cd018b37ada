"""Tables in, a table out."""

import dataclasses
import io
import json
import re

import pyarrow

from ilk_plugin.errors import BadOutput
from ilk_plugin.jobs import settings_of
from ilk_plugin.sandbox import Instance, Plugin, load

# Pieces of a table: large enough to cost nothing, small enough not to be felt in memory.
ROWS = 1 << 20
CONDITION = re.compile(r"^(.+?)(?:!=|<=|>=|=|<|>)")


@dataclasses.dataclass(frozen=True)
class Note:
    """Something worth knowing about the rows."""

    code: str
    count: int
    text: str


class Session:
    """One table on its way to its neighbours, in an instance of its own: `add` batches, `step`
    until it says `finished`, take the `result`."""

    def __init__(
        self,
        plugin: Plugin | None = None,
        *,
        user: str,
        item: str,
        weight: str | None = None,
        time: str | None = None,
        item_label: str | None = None,
        where: list[str] = (),
        job=None,
        only: list | None = None,
        exclude: list | None = None,
        wanted: list | None = None,
    ):
        named = {"weight": weight, "time": time, "item_label": item_label}
        source = {name: column for name, column in named.items() if column is not None}
        lists = {"only": only, "exclude": exclude, "for": wanted}
        request = {
            "source": {"user": user, "item": item, "where": list(where), **source},
            "job": settings_of(job),
            **{name: [str(id) for id in ids] for name, ids in lists.items() if ids is not None},
        }
        conditions = (CONDITION.match(text) for text in where)
        wanted_columns = [user, item, *source.values()]
        wanted_columns += [match[1].strip() for match in conditions if match]
        self._columns = list(dict.fromkeys(wanted_columns))
        self._instance = Instance(plugin or load())
        self._handle = self._instance.call(
            "ilk_session_open", *self._instance.put(json.dumps(request).encode())
        )

    def add(self, table: pyarrow.Table) -> None:
        """Adds rows; columns that nothing names stay outside."""
        if set(self._columns) <= set(table.column_names):
            table = table.select(self._columns)
        else:
            # The plugin says what is missing, and what there is.
            table = table.slice(0, 0)
        sink = io.BytesIO()
        with pyarrow.ipc.new_stream(sink, table.schema) as writer:
            for batch in table.to_batches(max_chunksize=ROWS):
                writer.write_batch(batch)
                self._drain(sink)
        self._drain(sink)

    def _drain(self, sink: io.BytesIO) -> None:
        """Hands over what was written since the last time."""
        with sink.getbuffer() as written:
            self.add_bytes(written)
        sink.seek(0)
        sink.truncate()

    def add_bytes(self, data) -> None:
        """Adds the next bytes of an Arrow IPC stream, cut anywhere."""
        self._instance.call("ilk_session_add", self._handle, *self._instance.put(data))

    def step(self) -> dict:
        """Does the next piece of work; returns `stage`, `done` (0 to 1) and `finished`."""
        self._instance.call("ilk_session_step", self._handle)
        progress = self._instance.json()
        if not isinstance(progress, dict) or not isinstance(progress.get("finished"), bool):
            raise BadOutput("the plugin returned nonsense from ilk_session_step")
        return progress

    def notes(self) -> list[Note]:
        """Says what became of the rows, from the first step on."""
        self._instance.call("ilk_session_notes", self._handle)
        return [Note(**note) for note in self._instance.json()]

    def result(self) -> pyarrow.Table:
        """Takes the neighbours, once it is finished."""
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
            raise BadOutput(f"the plugin returned no table: {error}") from None


def _to_arrow(table) -> tuple[pyarrow.Table, str]:
    """Turns what people have into Arrow, and says what it was."""
    kind = type(table).__module__.partition(".")[0]
    if isinstance(table, pyarrow.Table):
        return table, "pyarrow"
    if isinstance(table, pyarrow.RecordBatch):
        return pyarrow.Table.from_batches([table]), "pyarrow"
    if kind == "pandas":
        return pyarrow.Table.from_pandas(table, preserve_index=False), "pandas"
    if hasattr(table, "__arrow_c_stream__") or hasattr(table, "__arrow_c_array__"):
        return pyarrow.table(table), "polars" if kind == "polars" else "pyarrow"
    raise TypeError(
        f"the table is {type(table).__name__}; give a pandas or polars data frame, a pyarrow "
        "table, or anything with __arrow_c_stream__"
    )


def _from_arrow(table: pyarrow.Table, kind: str):
    if kind == "pandas":
        return table.to_pandas()
    if kind == "polars":
        import polars

        return polars.from_arrow(table)
    return table


def similar_items(table, *, plugin: Plugin | None = None, on_progress=None, **request):
    """Finds the neighbours of every item (of every user with `of="users"` in the job).

    `table`: a pandas or polars data frame, a pyarrow table or batch, or anything that gives an
    Arrow stream. `request`: what `Session` takes: `user` and `item` name columns; `weight`,
    `time`, `item_label`, `where`, `job`, `only`, `exclude` and `wanted` may be left out.
    `on_progress` is called with the progress after every step; what it raises ends the work.

    Returns a table of the same kind, as `ilk run` writes it.
    """
    arrow, kind = _to_arrow(table)
    session = Session(plugin, **request)
    session.add(arrow)
    while True:
        progress = session.step()
        if on_progress is not None:
            on_progress(progress)
        if progress["finished"]:
            return _from_arrow(session.result(), kind)
