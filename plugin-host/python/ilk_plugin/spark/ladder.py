"""The ladder: by-user samples of the data through the real stages, measured against predicted."""

import dataclasses
import math
import random

from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from ilk_plugin.spark import folding
from ilk_plugin.spark.planning import Plan
from ilk_plugin.spark.running import Run

RATES = (0.01, 0.1, 0.2, 0.4)
# Predicted seconds that a rung may take; of a larger one random tiles are computed.
SECONDS = 20.0
FIELDS = (
    "rate double, users bigint, items bigint, interactions bigint, pair_operations bigint, "
    "tiles bigint, computed bigint, predicted double, measured double"
)


def bound_of(rate: float) -> int | None:
    """Hashes below this are in the sample, as `folding.hashed` keeps them; `None` for all."""
    below = math.ceil(rate * 2**64)
    return None if below >= 1 << 64 else below - (1 << 63)


def sampled(baskets: DataFrame, rate: float) -> DataFrame:
    """The baskets of a by-user sample; `h` is there."""
    bound = bound_of(rate)
    return baskets if bound is None else baskets.where(f.col("h") < bound)


def climb(run: Run, plan: Plan) -> DataFrame:
    """Computes the rungs and prints them; returns them as a table."""
    keyed = run.read("baskets").withColumn("key", f.col("who").cast("string"))
    run.write("ladder", sampled(folding.hashed(keyed, "key", run.courier), max(RATES)))
    rungs = [_rung(run, rate) for rate in RATES]
    print(_text(rungs, plan))
    return run.spark.createDataFrame([tuple(rung.values()) for rung in rungs], FIELDS)


def _rung(run: Run, rate: float) -> dict:
    """Goes through the stages with a sample."""
    storage = run.storage.within(f"rung-{round(rate * 100):02}")
    # What an earlier ladder left has no time to tell.
    storage.remove()
    rung = dataclasses.replace(run, storage=storage, notes=[], seconds={}, figures=[])
    rung.write("baskets", sampled(run.read("ladder"), rate))
    sizes = folding.sizes_of(rung.read("baskets"), None)
    catalogue = rung.name_items(sizes)
    plan, filters = rung.plan(sizes, catalogue)
    tiles = _some(plan, SECONDS * run.slots)
    if tiles:
        written = rung.lay_blocks(sizes, catalogue, plan)
        rung.compute(plan, written, filters, tiles)
    parts = ("reading", "numbering", "computing", "merging", "writing")
    return {
        "rate": rate,
        "users": sizes.users,
        "items": catalogue.count,
        "interactions": sizes.interactions,
        "pair_operations": sizes.operations,
        "tiles": len(plan.tiles),
        "computed": len(tiles),
        "predicted": float(sum(plan.tiles[tile].cost for tile in tiles)),
        "measured": float(sum(row[part] for row in rung.figures for part in parts)),
    }


def _some(plan: Plan, seconds: float) -> list[int]:
    """Random tiles that take so long together, at least one; the same ones each time."""
    tiles = list(range(len(plan.tiles)))
    random.Random(0).shuffle(tiles)
    some, sum_ = [], 0.0
    for tile in tiles:
        if some and sum_ + plan.tiles[tile].cost > seconds:
            break
        some.append(tile)
        sum_ += plan.tiles[tile].cost
    return sorted(some)


def _text(rungs: list[dict], plan: Plan) -> str:
    lines = [f"{'sample':>6}  {'users':>11}  {'pair operations':>18}  computed  {'core s':>8}  measured"]
    for rung in rungs:
        share = rung["computed"] / max(rung["tiles"], 1)
        lines.append(
            f"{rung['rate'] * 100:>4.0f} %  {rung['users']:>11,}  {rung['pair_operations']:>18,}  "
            f"{share * 100:>6.0f} %  {rung['predicted']:>8.2f}  {rung['measured']:>8.2f}"
        )
    last = rungs[-1]
    seconds = sum(tile.cost for tile in plan.tiles)
    # A rung counts as much as the model: samples have fewer users per item than the whole.
    ratio = math.sqrt(last["measured"] / last["predicted"]) if last["predicted"] else 1.0
    lines.append(
        f"estimated time: {seconds * ratio / plan.slots:,.1f} s with {plan.slots} tasks at a time "
        f"(prediction x {ratio:.2f})"
    )
    return "\n".join(lines)
