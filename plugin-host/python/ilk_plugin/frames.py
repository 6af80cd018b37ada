"""Tables of other libraries, to Arrow and back."""

from collections.abc import Sequence
from typing import Any, Protocol

import pyarrow

from ilk_plugin.errors import Refused


class Frame(Protocol):
    """A data frame of pandas or polars."""

    @property
    def columns(self) -> Any: ...

    @property
    def explode(self) -> Any: ...


class ArrowStream(Protocol):
    """An Arrow table, a reader of batches, or anything else that gives an Arrow stream."""

    def __arrow_c_stream__(self, requested_schema: Any = ...) -> Any: ...


class ArrowBatch(Protocol):
    """An Arrow record batch."""

    def __arrow_c_array__(self, requested_schema: Any = ...) -> Any: ...


def kind_of(table: object) -> str:
    """Returns whose table it is: `pandas`, `polars`, or `pyarrow` for all that Arrow reads."""
    frames = {(kind.__module__.partition(".")[0], kind.__name__) for kind in type(table).__mro__}
    for library in ("pandas", "polars"):
        if (library, "DataFrame") in frames:
            return library
    if hasattr(table, "__arrow_c_stream__") or hasattr(table, "__arrow_c_array__"):
        return "pyarrow"
    raise _no_table(table)


def _no_table(table: object) -> TypeError:
    kind = type(table)
    hints = {
        "LazyFrame": "; call .collect()",
        "dict": ", as in pyarrow.table({'user': […], 'item': […]})",
        "ndarray": ", as in pandas.DataFrame(array, columns=['user', 'item'])",
        "Series": " with a user ID and an item ID column",
    }
    if kind.__module__.startswith("pyspark."):
        hints["DataFrame"] = "; ilk_plugin.spark.similar_items takes Spark's"
    return TypeError(
        f"the table is a {kind.__name__}; give a pandas or polars data frame, a pyarrow table, or an "
        f"object with __arrow_c_stream__{hints.get(kind.__name__, '')}"
    )


def to_arrow(table: Any, columns: Sequence[str]) -> pyarrow.Table:
    """Takes some columns out of a table. The others are not looked at: they may hold what Arrow
    does not have."""
    kind = kind_of(table)
    if kind == "pyarrow":
        table = _read(table)
    names = [str(name) for name in (table.column_names if kind == "pyarrow" else table.columns)]
    if not set(columns) <= set(names):
        if kind == "pandas":
            _check_index(table, columns, names)
        # The plugin says what is missing, and what there is.
        return pyarrow.table([pyarrow.nulls(0)] * len(names), names=names)
    for column in columns:
        if names.count(column) > 1:
            raise Refused("column", f"the table has several columns `{column}`; rename or drop the others")
    if kind == "pyarrow":
        return table.select(columns)
    take = _of_pandas if kind == "pandas" else _of_polars
    return pyarrow.table({column: take(table, names.index(column), column) for column in columns})


def _read(table: Any) -> pyarrow.Table:
    if isinstance(table, pyarrow.Table):
        return table
    try:
        return pyarrow.table(table)
    except pyarrow.ArrowInvalid as error:
        # One column gives a stream as well.
        if "non-struct" in str(error):
            raise _no_table(table) from None
        raise


def _check_index(frame: Any, columns: Sequence[str], names: list[str]) -> None:
    for column in columns:
        if column not in names and column in frame.index.names:
            raise Refused("column", f"`{column}` is an index of the table, not a column; call .reset_index()")


def _of_pandas(frame: Any, place: int, name: str) -> Any:
    try:
        return pyarrow.array(frame.iloc[:, place], from_pandas=True)
    except (pyarrow.ArrowException, TypeError, ValueError, OverflowError) as error:
        why = " ".join(str(error).split())
        raise Refused(
            "column",
            f"column `{name}` has values of several types, or of a type that Arrow lacks ({why}); "
            "convert it, as with .astype(str)",
        ) from None


def _of_polars(frame: Any, place: int, name: str) -> Any:
    series = frame[:, place]
    try:
        # What Arrow gets of objects are their addresses.
        if str(series.dtype) != "Object":
            return pyarrow.table(series.to_frame()).column(0)
    except pyarrow.ArrowException:
        pass
    raise Refused("column", f"column `{name}` has type {series.dtype}, which Arrow lacks; cast it")


def from_arrow(table: pyarrow.Table, kind: str) -> Any:
    """Makes a table of a kind that `kind_of` returned."""
    if kind == "pandas":
        return table.to_pandas()
    if kind == "polars":
        import polars

        return polars.from_arrow(table)
    return table
