"""Tables of other libraries, to Arrow and back."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy
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


REMEDIES = {
    "DataFrame": "ilk_plugin.spark.similar_items takes Spark's DataFrames",
    "LazyFrame": "call .collect() first",
    "Series": "give a data frame with a user ID column and an item ID column",
    "dict": "make a table of it, as in pandas.DataFrame(…)",
    "list": "make a table of it, as in pandas.DataFrame(…)",
    "ndarray": "name its columns, as in pandas.DataFrame(array, columns=['user', 'item'])",
    "str": "read the file first, as in pandas.read_parquet(path)",
}


def _no_table(table: object) -> TypeError:
    kind = type(table)
    remedy = REMEDIES.get(kind.__name__)
    if kind.__module__.startswith("pyarrow._dataset"):
        remedy = "call .to_table(), or .to_reader() of a scanner"
    anything = "give a pandas or polars data frame, a pyarrow table, or an object with __arrow_c_stream__"
    return TypeError(f"the table is a {kind.__name__}; {remedy or anything}")


Batches = tuple[pyarrow.Schema, Iterator[pyarrow.RecordBatch]]


def to_arrow(table: Any, columns: Sequence[str], most: int) -> Batches:
    """Takes some columns out of a table, at most so many rows at a time. The others are not looked at:
    they may hold what Arrow does not have."""
    kind = kind_of(table)
    if kind == "pyarrow":
        reader = _reader(table, most)
        names = reader.schema.names
    else:
        names = [str(name) for name in table.columns]
    if not names:
        raise Refused("column", "the table has no columns")
    if not set(columns) <= set(names):
        if kind == "pandas":
            _check_index(table, columns, names)
        # The plugin says what is missing, and what there is.
        return pyarrow.schema([(name, pyarrow.null()) for name in names]), iter([])
    for column in columns:
        if names.count(column) > 1:
            raise Refused("column", f"the table has several columns `{column}`; rename or drop the others")
    if kind == "pyarrow":
        return _selected(reader, columns, most)
    take = _of_pandas if kind == "pandas" else _of_polars
    taken = {column: take(table, names.index(column), column) for column in columns}
    return _selected(pyarrow.table(taken).to_reader(most), columns, most)


def _reader(table: Any, most: int) -> pyarrow.RecordBatchReader:
    if isinstance(table, pyarrow.Table):
        return table.to_reader(most)
    try:
        if hasattr(table, "__arrow_c_stream__"):
            return pyarrow.RecordBatchReader.from_stream(table)
        return pyarrow.table(table).to_reader(most)
    except (pyarrow.ArrowInvalid, TypeError) as error:
        # One column gives a stream as well.
        if "struct" in str(error):
            raise _no_table(table) from None
        raise


def _selected(reader: pyarrow.RecordBatchReader, columns: Sequence[str], most: int) -> Batches:
    schema = pyarrow.schema([reader.schema.field(column) for column in columns])

    def batches() -> Iterator[pyarrow.RecordBatch]:
        for batch in reader:
            batch = batch.select(columns)
            for start in range(0, len(batch), most):
                yield batch.slice(start, most)

    return schema, batches()


def _check_index(frame: Any, columns: Sequence[str], names: list[str]) -> None:
    for column in columns:
        if column not in names and column in frame.index.names:
            raise Refused("column", f"`{column}` is an index of the table, not a column; call .reset_index()")


def _of_pandas(frame: Any, place: int, name: str) -> Any:
    series, errors = frame.iloc[:, place], []
    ways: list[Callable[[], Any]] = [lambda: pyarrow.array(series, from_pandas=True)]
    if series.dtype == object:
        # Python's integers past 63 bits.
        ways.append(lambda: pyarrow.array(series, pyarrow.uint64(), from_pandas=True))
    else:
        # Kinds of columns that Arrow lacks, such as sparse ones.
        ways.append(lambda: pyarrow.array(numpy.asarray(series), from_pandas=True))
    for way in ways:
        try:
            array = way()
            if str(getattr(array.type, "extension_name", "")).startswith("pandas."):
                # What is stored for a period or an interval says nothing by itself.
                raise TypeError(str(series.dtype))
            return array
        except (pyarrow.ArrowException, TypeError, ValueError, OverflowError) as error:
            errors.append(" ".join(str(error).split()))
    raise Refused(
        "column",
        f"column `{name}` has values of several types, or of a type that Arrow lacks ({errors[0]}); "
        "convert it, as with .astype(str)",
    )


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
