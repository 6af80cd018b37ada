"""Small jobs: all rows to one task, which computes them as a table in an instance of its own.

Spark needs seconds for a dozen small stages however little there is to do; this is one.
"""

import dataclasses
import json
import time

import pyarrow
from pyspark.sql import DataFrame
from pyspark.sql import functions as f
from pyspark.sql import types as t
from pyspark.sql.pandas.types import to_arrow_schema

from ilk_plugin.errors import OutOfMemory, Refused
from ilk_plugin.spark import courier as here
from ilk_plugin.spark.courier import Courier, task
from ilk_plugin.spark.storage import Storage
from ilk_plugin.tables import Session

RECORD = "at-once.json"
# Seconds of comparing past which many tasks are worth what they cost.
SECONDS = 20.0
COLUMNS = {"ilk_u": "user", "ilk_i": "item", "ilk_w": "weight", "ilk_t": "time", "ilk_label": "item_label"}
MICROS = pyarrow.timestamp("us", "UTC")


@dataclasses.dataclass(frozen=True)
class Work:
    """What the task knows. Travels with it."""

    storage: Storage
    courier: Courier
    job: dict
    lists: dict
    """Listed ids, as `Session` takes them."""


class _TooLong(Exception):
    """It would take one task too long."""


def compute(kept: DataFrame, of: str, work: Work) -> DataFrame:
    """The neighbours. Whether they are all, the task's record says, which `outcome` reads."""
    columns = {old: new for old, new in COLUMNS.items() if old in kept.columns}
    if of == "users":
        columns.pop("ilk_label", None)
    schema = _schema(kept, "ilk_u" if of == "users" else "ilk_i", "ilk_label" in columns)
    wanted = to_arrow_schema(schema)

    def run(batches):
        task("checking the executor", lambda: here.check(work.courier, work.storage))
        yield from task("computing all rows at once", lambda: _compute(list(batches), wanted, work))

    # The rows come from as many tasks as before, and go to one.
    one = kept.select(*(f.col(old).alias(new) for old, new in columns.items())).repartition(1)
    return one.mapInArrow(run, schema)


def outcome(storage: Storage) -> dict:
    """What the task says: `done` with notes, `refused`, or `left` with why it left the work to many."""
    return json.loads(storage.read(RECORD))


def _schema(kept: DataFrame, ids: str, labels: bool) -> t.StructType:
    kind = kept.schema[ids].dataType
    columns = {"item": kind, "neighbour": kind}
    columns |= {"rank": t.IntegerType(), "score": t.FloatType(), "overlap": t.LongType()}
    if labels:
        columns |= {"item_label": t.StringType(), "neighbour_label": t.StringType()}
    return t.StructType([t.StructField(*column) for column in columns.items()])


def _compute(batches: list, wanted: pyarrow.Schema, work: Work) -> list[pyarrow.RecordBatch]:
    found, begin = [], time.perf_counter()
    try:
        session = _session(pyarrow.Table.from_batches(batches), work)
        _finish(session)
        table = session.result().select(wanted.names).cast(wanted)
        found = table.combine_chunks().to_batches()
        notes = [dataclasses.asdict(note) for note in session.notes()]
        record = {"outcome": "done", "notes": notes}
    except Refused as error:
        record = {"outcome": "refused", "code": error.code, "message": str(error)}
    except (OutOfMemory, _TooLong) as error:
        record = {"outcome": "left", "message": str(error)}
    record |= {"place": here.place(), "seconds": time.perf_counter() - begin}
    work.storage.write(RECORD, json.dumps(record).encode())
    return found


def _session(table: pyarrow.Table, work: Work) -> Session:
    named = {name: name for name in table.column_names}
    session = Session(work.courier.compiled(), job=work.job, **named, **work.lists)
    session.add(pyarrow.table({name: readable(name, table[name]) for name in named}))
    return session


def readable(name: str, column: pyarrow.ChunkedArray) -> pyarrow.ChunkedArray:
    """A column in a type that the plugin reads as what it is."""
    if name == "time":
        return column.cast(MICROS)
    if pyarrow.types.is_decimal(column.type):
        # Ids of 64 bits without a sign, or with one.
        try:
            return column.cast(pyarrow.uint64())
        except pyarrow.ArrowInvalid:
            return column.cast(pyarrow.int64())
    return column


def _finish(session: Session) -> None:
    begin = None
    while not (progress := session.step())["finished"]:
        if progress["stage"] != "comparing":
            continue
        begin = begin or time.perf_counter()
        seconds = time.perf_counter() - begin
        # What has been done says how long the rest takes, once it is more than a moment.
        if seconds > SECONDS / 10 and seconds > SECONDS * progress["done"]:
            raise _TooLong(f"a single task would take more than {SECONDS:.0f} s")
