"""Rows of a DataFrame: kept, or set aside with a reason, as in `ilk run`."""

import contextlib
import dataclasses
import datetime
import difflib
import logging

import pyarrow
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f
from pyspark.sql import types as t

from ilk_plugin import rows as plugin_rows
from ilk_plugin.arguments import check_columns, check_texts
from ilk_plugin.errors import Refused
from ilk_plugin.notes import Note
from ilk_plugin.rows import Decided
from ilk_plugin.sandbox import Instance
from ilk_plugin.spark.courier import Courier, task

# The reasons in their order: a row has the first that holds.
REASONS = [
    "unreadable",
    "filtered",
    "null_user",
    "null_item",
    "bad_weight",
    "bad_time",
    "nonpositive_weight",
]
BAD = {"unreadable", "bad_weight", "bad_time"}
LARGEST_WEIGHT = float.fromhex("0x1.fffffep127")
WHOLE = (t.ByteType, t.ShortType, t.IntegerType, t.LongType)
FLOATS = (t.FloatType, t.DoubleType)
WIDE = "decimal(20,0)"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """Which column is what."""

    user: str
    item: str
    weight: str | None = None
    time: str | None = None
    item_label: str | None = None
    time_unit: str | None = None
    """What numbers in the time column count; found out where absent."""
    time_format: str | None = None
    """How times are written as text; ISO 8601 where absent."""
    where: str | None = None
    """A condition in Spark SQL; rows that do not match are set aside as `filtered`."""

    def __post_init__(self):
        names = ("user", "item", "weight", "time", "item_label")
        check_columns(**{name: getattr(self, name) for name in names})
        check_texts(time_unit=self.time_unit, time_format=self.time_format)

    def record(self) -> dict:
        """As a record of JSON."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


def _type_of(df: DataFrame, column: str, role: str) -> t.DataType:
    if column not in df.columns:
        several = column.split(",")
        if len(several) > 1 and all(name in df.columns for name in several):
            raise Refused(
                "column",
                f"{role}={column!r}: an ID of several columns has to be one column, as in "
                f"df.withColumn('{role}', concat_ws('|', {', '.join(map(repr, several))}))",
            )
        nearest = difflib.get_close_matches(column, df.columns, 1)
        hint = f" (did you mean `{nearest[0]}`?)" if nearest else ""
        raise Refused(
            "column",
            f"{role}={column!r}: the DataFrame has no column `{column}`{hint}; its columns: "
            f"{', '.join(df.columns)}",
        )
    if df.columns.count(column) > 1:
        raise Refused(
            "column",
            f"{role}={column!r}: the DataFrame has several columns `{column}`; rename or drop the others",
        )
    return df.schema[column].dataType


def _misfit(role: str, column: str, kind: t.DataType, expected: str, fix: str) -> Refused:
    why = f"the column is {kind.simpleString()}, expected {expected}"
    return Refused("column", f"{role}={column!r}: {why}; {fix}")


def _named(column: str) -> Column:
    return f.col("`" + column.replace("`", "``") + "`")


@dataclasses.dataclass(frozen=True)
class _Ids:
    """A column of ids: what they are compared as, and where they cannot be."""

    value: Column
    unreadable: Column
    misfit: Column
    """A number that is no id, as text."""


def _ids(df: DataFrame, column: str, role: str) -> _Ids:
    kind, cell = _type_of(df, column, role), _named(column)
    never, nothing = f.lit(False), f.lit(None).cast("string")
    if isinstance(kind, WHOLE):
        return _Ids(cell.cast("bigint"), never, nothing)
    if isinstance(kind, t.NullType):
        return _Ids(f.lit(None).cast("bigint"), never, nothing)
    if isinstance(kind, t.StringType):
        if kind.collation not in (None, "UTF8_BINARY"):
            cell = f.collate(cell, "UTF8_BINARY")
        valid = f.is_valid_utf8(cell)
        # Empty text names nobody.
        return _Ids(f.when(valid & (cell != ""), cell), ~valid & cell.isNotNull(), nothing)
    if isinstance(kind, FLOATS):
        # NaN stands for null, as pandas writes it.
        cell = f.nanvl(cell.cast("double"), f.lit(None).cast("double"))
        # Past that, several IDs are one float.
        rounded = 1 << 24 if isinstance(kind, t.FloatType) else 1 << 53
        whole = (f.floor(cell) == cell) & (f.abs(cell) < float(rounded))
        return _Ids(f.when(whole, cell).cast("bigint"), never, f.when(~whole, cell.cast("string")))
    if isinstance(kind, t.DecimalType):
        wide = kind.precision - kind.scale > 18
        narrow = cell.try_cast(WIDE if wide else "bigint")
        whole = narrow.isNotNull() & (narrow == cell)
        if wide:
            whole &= (narrow <= f.lit("18446744073709551615").cast(WIDE)) & (
                narrow >= f.lit("-9223372036854775808").cast(WIDE)
            )
        misfit = f.when(cell.isNotNull() & ~whole, cell.cast("string"))
        return _Ids(f.when(whole, narrow), never, misfit)
    fix = f"cast it, as in df.withColumn({column!r}, col({column!r}).cast('string'))"
    if isinstance(kind, t.ArrayType):
        fix = f"give each element a row, as in df.withColumn({column!r}, explode({column!r}))"
    if isinstance(kind, t.BinaryType):
        fix = f"spell it, as in df.withColumn({column!r}, lower(hex({column!r})))"
    raise _misfit(role, column, kind, "integers or text", fix)


def _weight(df: DataFrame, column: str | None) -> Column | None:
    if column is None:
        return None
    kind, cell = _type_of(df, column, "weight"), _named(column)
    if isinstance(kind, (*WHOLE, *FLOATS, t.DecimalType, t.BooleanType, t.NullType)):
        return cell.cast("double")
    fix = f"cast it, as in df.withColumn({column!r}, col({column!r}).try_cast('double'))"
    raise _misfit("weight", column, kind, "numbers", fix)


DAY = 86_400_000_000
EARLIEST = 7_305 * DAY  # 1990
UNITS = ("s", "ms", "us", "ns", "days", "yyyymmdd")
MICROS = {"s": 1_000_000, "ms": 1_000, "us": 1, "days": DAY}


def _whole_micros(cell: Column, unit: str) -> Column:
    """Microseconds since 1970 of whole numbers; null where they are no time in this unit."""
    whole = cell.cast("bigint")
    if unit == "ns":
        return ((whole - f.pmod(whole, f.lit(1_000))).cast("decimal(20,0)") / 1_000).cast("bigint")
    if unit == "yyyymmdd":
        text = f.lpad(whole.cast("string"), 8, "0")
        day = f.unix_date(f.try_to_timestamp(text, f.lit("yyyyMMdd")).cast("date")).cast("bigint")
        return f.when(whole.between(10_000, 99_991_231), day * DAY)
    return f.try_multiply(whole, f.lit(MICROS[unit]).cast("bigint"))


def _float_micros(cell: Column, unit: str) -> Column:
    """The same of any number; fractions are cut to microseconds."""
    number = cell.cast("double")
    if unit == "yyyymmdd":
        is_whole = (number == f.floor(number)) & (f.abs(number) < 1e9)
        return f.when(is_whole, _whole_micros(f.when(is_whole, number), unit))
    micros = number * (1e-3 if unit == "ns" else float(MICROS[unit]))
    return f.when(f.abs(micros) < 9.2e18, micros).cast("bigint")


def _unit_of(df: DataFrame, column: str, micros: dict[str, Column]) -> str:
    """The one unit that puts all numbers of a column between 1990 and the day after tomorrow."""
    cell = _named(column)
    latest = int(datetime.datetime.now(datetime.UTC).timestamp() * 1e6) + 2 * DAY
    likely = {unit: f.coalesce(found.between(EARLIEST, latest), f.lit(False)) for unit, found in micros.items()}
    counts = [f.count_if(likely[unit]).alias(unit) for unit in micros]
    is_number = cell.isNotNull() & ~f.isnan(cell.cast("double"))
    extent = [f.count("*").alias("rows"), f.min(cell).alias("least"), f.max(cell).alias("most")]
    found = df.where(is_number).agg(*extent, *counts).collect()[0]
    for unit in micros:
        if found[unit] == found["rows"]:
            return unit
    raise Refused(
        "column",
        f"cannot tell what the numbers in the time column {column} count: from {found['least']} to "
        f"{found['most']}; say it with time_unit, one of {', '.join(UNITS)}",
    )


def _text_time(cell: Column, source: Source, courier: Courier) -> Column:
    """Microseconds since 1970 of texts, as the plugin reads them."""
    if not hasattr(f, "arrow_udf"):
        raise Refused(
            "column",
            f"time={source.time!r}: times as text need PySpark 4.1; cast the column, as in "
            f"df.withColumn({source.time!r}, to_timestamp({source.time!r}))",
        )
    rule = {"time_unit": source.time_unit, "time_format": source.time_format}
    # A format that is none is refused before any task begins.
    plugin_rows.times(Instance(courier.plugin), pyarrow.array([], "string"), **rule)

    @f.arrow_udf("bigint")
    def micros(texts: pyarrow.Array) -> pyarrow.Array:
        return task("reading times", lambda: plugin_rows.times(courier.instance(), texts, **rule))

    return micros(cell)


def _as_text(cell: Column, kind: t.DataType) -> Column:
    """Numbers as they are written, for a format to read."""
    if not isinstance(kind, FLOATS):
        return cell.cast("string")
    whole = (f.floor(cell) == cell) & (f.abs(cell) < 9e15)
    return f.when(whole, cell.cast("bigint").cast("string")).otherwise(cell.cast("string"))


def _time(df: DataFrame, source: Source, courier: Courier) -> Column | None:
    """Microseconds since 1970."""
    column, unit = source.time, source.time_unit
    if column is None:
        return None
    kind, cell = _type_of(df, column, "time"), _named(column)
    if isinstance(kind, t.StringType):
        return _text_time(cell, source, courier)
    if source.time_format is not None and isinstance(kind, (*WHOLE, *FLOATS)):
        return _text_time(_as_text(cell, kind), source, courier)
    if isinstance(kind, t.TimestampType):
        return f.unix_micros(cell)
    if isinstance(kind, t.TimestampNTZType):
        epoch = f.lit("1970-01-01 00:00:00").cast("timestamp_ntz")
        return f.timestamp_diff("MICROSECOND", epoch, cell)
    if isinstance(kind, t.DateType):
        return f.unix_date(cell).cast("bigint") * DAY
    if isinstance(kind, (*WHOLE, *FLOATS)):
        read = _whole_micros if isinstance(kind, WHOLE) else _float_micros
        micros = {each: read(cell, each) for each in UNITS}
        return micros[_unit_of(df, column, micros) if unit in (None, "auto") else unit]
    if isinstance(kind, t.NullType):
        return f.lit(None).cast("bigint")
    fix = f"cast it, as in df.withColumn({column!r}, to_timestamp({column!r}))"
    raise _misfit("time", column, kind, "timestamps, dates, numbers or text", fix)


def _label(df: DataFrame, column: str | None) -> Column | None:
    if column is None:
        return None
    kind, cell = _type_of(df, column, "item_label"), _named(column)
    if isinstance(kind, (t.StringType, *WHOLE)):
        return cell.cast("string")
    fix = f"cast it, as in df.withColumn({column!r}, col({column!r}).cast('string'))"
    raise _misfit("item_label", column, kind, "text", fix)


@contextlib.contextmanager
def _quiet():
    """Keeps PySpark from printing a trace of what is about to be said in a line."""
    logger = logging.getLogger("SQLQueryContextLogger")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _condition(df: DataFrame, where: str | None) -> Column | None:
    """The rows that are looked at; what Spark cannot make of a condition is said in its first line."""
    if where is None:
        return None
    if not isinstance(where, str):
        raise Refused(
            "where",
            f"where is {type(where).__name__}; give a condition in Spark SQL, as in "
            "where=\"country = 'France' and quantity > 0\"",
        )
    try:
        # Looked at by itself: elsewhere Spark would show the whole plan.
        with _quiet():
            _ = df.where(f.expr(where)).schema
    except PySparkException as error:
        first = str(error).strip().splitlines()[0]
        raise Refused("where", f"where={where!r} is not a valid condition: {first}") from None
    return f.expr(where)


def _judgement(df: DataFrame, source: Source, job: Decided, courier: Courier) -> dict[str, Column]:
    """What is made of every row, by name: see `judged`."""
    users, items = _ids(df, source.user, "user"), _ids(df, source.item, "item")
    weight, time = _weight(df, source.weight), _time(df, source, courier)
    label, condition = _label(df, source.item_label), _condition(df, source.where)
    no = f.lit(False)
    bad_weight = nonpositive = no
    if weight is not None:
        bad_weight = weight.isNull() | f.isnan(weight) | (f.abs(weight) > LARGEST_WEIGHT)
        if job.negative_weights not in ("net", "keep"):
            nonpositive = weight <= 0
    tests = {
        "unreadable": users.unreadable | items.unreadable,
        "filtered": no if condition is None else ~f.coalesce(condition, no),
        "null_user": users.value.isNull(),
        "null_item": items.value.isNull(),
        "bad_weight": bad_weight,
        "bad_time": no if time is None else time.isNull(),
        "nonpositive_weight": nonpositive,
    }
    reason = f.lit(None).cast("string")
    for name in reversed(REASONS):
        reason = f.when(tests[name], name).otherwise(reason)
    columns = {
        "ilk_reason": reason,
        "ilk_u": users.value,
        "ilk_i": items.value,
        "ilk_w": weight,
        "ilk_t": time,
        "ilk_label": label,
        "ilk_misfit": f.coalesce(
            f.concat(f.lit(f"user={source.user!r}: an ID is "), users.misfit),
            f.concat(f.lit(f"item={source.item!r}: an ID is "), items.misfit),
        ),
    }
    return {name: value for name, value in columns.items() if value is not None}


def judged(df: DataFrame, source: Source, job: Decided, courier: Courier) -> DataFrame:
    """Makes of every row `ilk_reason`, null where it is kept, and what is kept of it: `ilk_u`, `ilk_i`,
    and where named `ilk_w`, `ilk_t` (microseconds) and `ilk_label`; `ilk_misfit` says which number is no
    ID. Of the DataFrame's own columns, whatever their names, none is left."""
    columns = _judgement(df, source, job, courier)
    return df.select(*(value.alias(name) for name, value in columns.items()))


def set_aside(df: DataFrame, source: Source, job: Decided, courier: Courier) -> DataFrame:
    """The rows that are not kept, whole, with their `reason`."""
    reason = _judgement(df, source, job, courier)["ilk_reason"]
    return df.where(reason.isNotNull()).select("*", reason.alias("reason"))


@dataclasses.dataclass(frozen=True)
class Tally:
    """How many rows took which path."""

    rows: int
    set_aside: dict[str, int]
    fingerprint: str
    """Of all that was read, in any order."""

    @property
    def kept(self) -> int:
        return self.rows - sum(self.set_aside.values())

    def notes(self) -> list[Note]:
        """For people."""
        notes = [Note("rows", self.rows, "rows read")]
        for reason, count in self.set_aside.items():
            notes.append(Note(reason, count, f"rows set aside as {reason}"))
        return notes

    def check(self, job: Decided) -> None:
        """Refuses what the job's guards refuse."""
        if self.rows == 0:
            raise Refused("no_rows", "the DataFrame has no rows: nothing to compare")
        bad = sum(count for reason, count in self.set_aside.items() if reason in BAD)
        if bad > job.spared_bad_rows and bad > job.max_bad_rows * self.rows:
            raise Refused(
                "refused",
                f"{bad} of {self.rows} rows are unreadable or hold a bad weight or time "
                f"({bad * 100 / self.rows:.2f} %), more than max_bad_rows allows "
                f"({job.max_bad_rows * 100:.2f} %); look at them with set_aside(df, …)",
            )
        returns = self.set_aside.get("nonpositive_weight", 0)
        if job.negative_weights == "error" and returns:
            raise Refused(
                "refused",
                f"{returns} rows have a weight of zero or less, and negative_weights is error",
            )
        strict = {reason: n for reason, n in self.set_aside.items() if reason != "filtered"}
        if job.strict and strict:
            raise Refused(
                "refused",
                f"{sum(strict.values())} rows were set aside ({', '.join(strict)}), and the job "
                "is strict",
            )
        if not self.kept:
            reasons = ", ".join(f"{reason}: {count}" for reason, count in self.set_aside.items())
            raise Refused("refused", f"no row is left of {self.rows} ({reasons})")


def digest(mark: str) -> list[Column]:
    """What tells rows apart from others by their marks, in any order: `xor` and `sum`. Equal rows
    cancel out in the one, not in the other; the sum does not overflow."""
    return [f.bit_xor(mark).alias("xor"), f.sum(f.shiftrightunsigned(mark, 40)).alias("sum")]


def tally(rows: DataFrame) -> Tally:
    """Counts rows by reason, and takes the fingerprint of what a job looks at. One pass."""
    looked_at = [name for name in rows.columns if name.startswith("ilk_") and name != "ilk_misfit"]
    mark = f.xxhash64(*looked_at)
    counts = (
        rows.withColumn("mark", mark)
        .groupBy("ilk_reason")
        .agg(
            f.count("*").alias("count"),
            f.min("ilk_misfit").alias("misfit"),
            *digest("mark"),
            *(f.min(name).alias(f"least_{name}") for name in ("ilk_u", "ilk_i")),
            *(f.max(name).alias(f"most_{name}") for name in ("ilk_u", "ilk_i")),
        )
        .collect()
    )
    for row in counts:
        if row["misfit"] is not None and row["ilk_reason"] != "filtered":
            raise Refused(
                "column",
                f"{row['misfit']}, expected a whole number of 64 bits, in floats one below 2^53; cast the column to string to keep "
                "such IDs",
            )
    if any(dict(rows.dtypes)[name] == WIDE for name in ("ilk_u", "ilk_i")):
        _check_wide([row for row in counts if row["ilk_reason"] is None])
    by_reason = {row["ilk_reason"]: row["count"] for row in counts}
    set_aside = {reason: by_reason[reason] for reason in REASONS if by_reason.get(reason)}
    marks = sorted(f"{row['ilk_reason']} {row['xor'] & (1 << 64) - 1:016x} {row['sum']}" for row in counts)
    return Tally(sum(by_reason.values()), set_aside, "; ".join(marks))


def _check_wide(kept: list) -> None:
    """Ids past 63 bits cannot stand beside negative ones, as nowhere in Ilk."""
    for row in kept:
        for name, role in (("ilk_u", "user"), ("ilk_i", "item")):
            least, most = row[f"least_{name}"], row[f"most_{name}"]
            if not isinstance(least, str) and least < 0 and most >= 1 << 63:
                raise Refused(
                    "ids",
                    f"{role} IDs from {least} to {most} fit no integer of 64 bits; cast the column to string",
                )
