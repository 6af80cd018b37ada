"""Exact top-k similar items on an existing Spark cluster, by the sandboxed plugin.

    from ilk_plugin import SimilarityJob
    from ilk_plugin.spark import similar_items

    found = similar_items(orders, user="member", item="product", scratch="/mnt/shared/tmp")

DataFrames in, a DataFrame out, with the neighbours and score bits of `ilk run` on the same rows.
"""

import atexit
import uuid
from collections.abc import Callable, Iterable

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from ilk_plugin import notes as noted
from ilk_plugin import rows as plugin_rows
from ilk_plugin.checks import check_whole
from ilk_plugin.errors import Refused
from ilk_plugin.jobs import JobLike, settings_of
from ilk_plugin.notes import Note
from ilk_plugin.sandbox import Instance, Limits, Path
from ilk_plugin.spark import cleaning, courier
from ilk_plugin.spark.cleaning import Source
from ilk_plugin.spark.courier import Courier
from ilk_plugin.spark.errors import TaskFailed, explained
from ilk_plugin.spark.planning import LEAST_MEMORY
from ilk_plugin.spark.running import Lists, Run
from ilk_plugin.spark.storage import Storage

__all__ = ["TaskFailed", "set_aside", "similar_items"]


def similar_items(
    df: DataFrame,
    *,
    user: str,
    item: str,
    weight: str | None = None,
    time: str | None = None,
    item_label: str | None = None,
    time_unit: str | None = None,
    time_format: str | None = None,
    where: str | None = None,
    job: JobLike = None,
    only: Iterable[object] | DataFrame | None = None,
    exclude: Iterable[object] | DataFrame | None = None,
    wanted: Iterable[object] | DataFrame | None = None,
    plugin: Path | None = None,
    scratch: str | None = None,
    checkpoint: str | None = None,
    explain: bool = False,
    dry_run: bool = False,
    memory_bytes: int = 1 << 30,
    slots: int | None = None,
    rows_at_once: int = 2_000_000,
    on_notes: Callable[[list[Note]], object] | None = None,
) -> DataFrame:
    """Finds the neighbours of every item (of every user with `of="users"` in the job).

    `user`, `item`, `weight`, `time`, `item_label`: names of columns. `time_unit`: what numbers in the
    time column count: `s`, `ms`, `us`, `ns`, `days` or `yyyymmdd`; found out by default, in a pass over
    that column. `time_format`: the format of times as text, as in `%d/%m/%Y`, ISO 8601 if absent. `where`: a condition in Spark SQL; rows that do not match are counted as set aside. `job`: a `SimilarityJob`, a
    dictionary or JSON. `only`, `exclude`, `wanted`: IDs, as a list or a DataFrame of one column.

    `plugin`: the file of a plugin to use instead of the package's own. `scratch`: a folder that the
    driver and all executors share, for blocks and results; required unless the master is local.
    `checkpoint`: such a folder that is kept: an interrupted job resumes when called again with the
    same folder. `memory_bytes`: memory of the plugin in each task, in addition to Spark's own, from
    8 MiB to 4 GiB; blocks are sized to fit it. `slots`: number of concurrent tasks, if Spark does not
    report it. `rows_at_once`: up to this number of kept rows, a single task computes everything,
    unless it would take too long; 0 disables this.

    `explain` prints the plan before the comparison. `dry_run` computes by-user samples of 1, 10, 20
    and 40 % instead, prints the plan and the measured time beside the prediction, and returns these
    figures. `on_notes` is called with what happened to the rows. Without it, an `IlkWarning` tells of rows
    that were set aside and of lists that match nothing.

    Returns the columns of `ilk run`: `item`, `neighbour`, `rank`, `score`, `overlap` and, with
    labels, `item_label` and `neighbour_label`, in no particular order of rows. Without
    `checkpoint` its files are removed when the driver's Python exits.

    Raises `Refused` for an invalid request, `TaskFailed` for a failure on an executor.
    """
    _check_frame(df)
    check_whole("setting", "memory_bytes", memory_bytes, LEAST_MEMORY)
    check_whole("setting", "rows_at_once", rows_at_once, 0)
    if slots is not None:
        check_whole("setting", "slots", slots, 1)
    lists = Lists(only, exclude, wanted)
    spark = df.sparkSession
    place = checkpoint
    if place is None:
        place = Storage(courier.storage_of(spark, scratch)).at(f"ilk-{uuid.uuid4().hex}")
    storage = Storage(place)
    if checkpoint is None:
        atexit.register(storage.remove)
    try:
        run = Run(
            df=df,
            source=Source(
                user=user,
                item=item,
                weight=weight,
                time=time,
                item_label=item_label,
                time_unit=time_unit,
                time_format=time_format,
                where=where,
            ),
            wish=settings_of(job),
            lists=lists,
            storage=storage,
            courier=Courier(spark, plugin, memory_bytes),
            slots=slots or _slots(spark),
            memory_bytes=memory_bytes,
        )
        found = _run(run, explain, dry_run, 0 if dry_run else rows_at_once)
        if checkpoint is None:
            run.tidy()
    except (PySparkException, Py4JJavaError) as error:
        _clear(storage, checkpoint)
        clear = explained(error)
        if clear is error:
            raise
        raise clear from None
    except BaseException:
        _clear(storage, checkpoint)
        raise
    if on_notes is not None:
        on_notes(run.notes)
    else:
        look = "set_aside(df, …) shows them, and on_notes receives these counts instead of a warning"
        noted.warn(run.notes, job=run.wish, listed=lists.counts, look=look, stacklevel=2)
    return found


def _check_frame(df: object) -> None:
    if not isinstance(df, DataFrame):
        raise Refused(
            "table",
            f"df is a {type(df).__module__}.{type(df).__name__}, expected a Spark DataFrame; create one with "
            "spark.createDataFrame(df), or use ilk_plugin.similar_items, which needs no Spark",
        )


def _run(run: Run, explain: bool, dry_run: bool, rows_at_once: int) -> DataFrame:
    tally = run.count()
    run.agree(tally)
    if run.is_done("neighbours") and not dry_run:
        return run.read("neighbours")
    if run.is_small(tally, rows_at_once):
        if explain:
            print(f"{tally.kept:,} rows are few: one task computes them all")
        if run.compute_at_once():
            run.finish()
            return run.read("neighbours")
    run.look_around()
    sizes = run.fold(tally)
    catalogue = run.name_items(sizes)
    plan, filters = run.plan(sizes, catalogue)
    if explain or dry_run:
        print(plan.explain(run.executors))
    if dry_run:
        from ilk_plugin.spark.ladder import climb

        return climb(run, plan)
    written = run.lay_blocks(sizes, catalogue, plan)
    run.compute(plan, written, filters)
    run.merge(plan, catalogue)
    run.finish()
    return run.read("neighbours")


def _clear(storage: Storage, checkpoint: str | None) -> None:
    """Removes the files of a failed job, unless it can be resumed."""
    if checkpoint is None:
        storage.remove()


def _slots(spark) -> int:
    """Number of concurrent tasks, by Spark's own count."""
    try:
        return max(spark.sparkContext.defaultParallelism, 1)
    except PySparkException:
        # Spark Connect does not tell.
        return int(spark.conf.get("spark.default.parallelism", "8"))


def set_aside(
    df: DataFrame,
    *,
    user: str,
    item: str,
    weight: str | None = None,
    time: str | None = None,
    time_unit: str | None = None,
    time_format: str | None = None,
    where: str | None = None,
    job: JobLike = None,
) -> DataFrame:
    """Shows the rows that `similar_items` would set aside, whole, with a column `reason`."""
    _check_frame(df)
    source = Source(
        user=user,
        item=item,
        weight=weight,
        time=time,
        time_unit=time_unit,
        time_format=time_format,
        where=where,
    )
    given = {"weight": weight is not None, "time": time is not None}
    courier = Courier(df.sparkSession, None, Limits().memory_bytes)
    decided = plugin_rows.decide(Instance(courier.plugin), job, **given)
    return cleaning.set_aside(df, source, decided, courier)
