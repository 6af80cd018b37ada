"""A job on a cluster, stage by stage; each leaves files from which it can be resumed."""

import contextlib
import dataclasses
import hashlib
import json
import logging
import time

import numpy
import pyarrow
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from ilk_plugin import rows as plugin_rows
from ilk_plugin.arguments import ids_of
from ilk_plugin.errors import Refused
from ilk_plugin.notes import Note, unused_settings
from ilk_plugin.rows import Costs, Decided
from ilk_plugin.sandbox import Instance, Plugin
from ilk_plugin.spark import at_once, blocks, cleaning, courier, folding, merging, planning, tiling
from ilk_plugin.spark.blocks import Ground, Weights, Written
from ilk_plugin.spark.cleaning import REASONS, Source, Tally
from ilk_plugin.spark.courier import Courier
from ilk_plugin.spark.folding import Catalogue, Sizes
from ilk_plugin.spark.planning import Plan
from ilk_plugin.spark.storage import Storage
from ilk_plugin.tables import Session

LOG = logging.getLogger("ilk_plugin.spark")
GUARDS = {"max_bad_rows", "strict"}
# Items that a list of other ids is compared with.
SHOWN = 1_000


@dataclasses.dataclass
class Lists:
    """Ids that may or may not be neighbours, and whose neighbours are wanted: texts, by which ids are
    found, or a table of one column."""

    only: object = None
    exclude: object = None
    wanted: object = None

    def __post_init__(self):
        self.counts: dict[str, int] = {}
        """How many ids each has, of a table once that is known."""
        for name, listed in self.given().items():
            if listed is not None and not isinstance(listed, DataFrame):
                setattr(self, name, _texts(name, listed))
                self.counts[name] = len(getattr(self, name))

    def given(self) -> dict:
        """The lists by name, `None` where there is none."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def mark(self) -> str:
        """What tells them apart from others."""
        told = lambda listed: _told(listed) if isinstance(listed, DataFrame) else listed
        lists = [told(listed) for listed in self.given().values()]
        return hashlib.sha256(json.dumps(lists).encode()).hexdigest()

    @property
    def has_tables(self) -> bool:
        """Some list is a table, and may be long."""
        return any(isinstance(listed, DataFrame) for listed in self.given().values())


def _texts(name: str, listed) -> list[str]:
    # A data frame could be gone through, too: by the names of its columns.
    if hasattr(listed, "columns"):
        kind = type(listed).__name__
        raise Refused(
            "setting",
            f"{name} is {kind}; give a list, as in {name}=['85123A'], or a Spark DataFrame of one column",
        )
    return ids_of(name, listed)


def _told(listed: DataFrame) -> list[int]:
    """What tells a list apart that is a table."""
    frame = listed.select(f.xxhash64(listed[listed.columns[0]].cast("string")).alias("mark"))
    return list(frame.agg(f.count("*"), *cleaning.digest("mark")).first())


def refuse_unlisted(plugin: Plugin, name: str, listed: list[str], items: pyarrow.ChunkedArray) -> None:
    """Raises what the library says of a list of which no id is in the data: it is asked, with some of the
    items."""
    listed = [id for id in listed if id is not None]
    one = pyarrow.array([1] * len(items))
    session = Session(plugin, user="user", item="item", **{name: listed})
    session.add(pyarrow.table({"user": one, "item": at_once.readable("item", items)}))
    while listed and not session.step()["finished"]:
        pass
    raise Refused("refused", f"{name}: it holds no IDs")


@dataclasses.dataclass
class Run:
    """A job under way."""

    df: DataFrame
    source: Source
    wish: dict
    lists: Lists
    storage: Storage
    courier: Courier
    slots: int
    memory_bytes: int
    executors: int = 1
    notes: list[Note] = dataclasses.field(default_factory=list)
    seconds: dict = dataclasses.field(default_factory=dict)
    figures: list = dataclasses.field(default_factory=list)
    all_rows: DataFrame | None = None
    """All rows, judged: the unit of times is looked for once."""
    alone: dict | None = None
    """What a task said that took all rows."""

    def __post_init__(self):
        self.spark = self.df.sparkSession
        given = {"weight": self.source.weight is not None, "time": self.source.time is not None}
        self.job: Decided = plugin_rows.decide(Instance(self.courier.plugin), self.wish, **given)

    @property
    def tile_job(self) -> dict:
        """What tiles look at of the job: rows and weights have been dealt with."""
        of_rows = {"of", "like", "weighting", "center", "k1", "b", "half_life", "now", "min_support"}
        of_rows |= {"max_items_per_user", "duplicates", "negative_weights", "pairs", *GUARDS}
        kept = {name: value for name, value in self.wish.items() if name not in of_rows}
        return kept | {"measure": self.job.measure, "threshold": self.job.threshold}

    @property
    def weighing(self) -> dict:
        """What weights look at of the job."""
        return {name: self.wish[name] for name in WEIGHING if name in self.wish}

    @contextlib.contextmanager
    def stage(self, name: str):
        """Takes the time of a stage."""
        begin = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin
        LOG.info("%-9s %.2f s", name, self.seconds[name])

    def note(self, *notes: Note) -> None:
        """Takes down what is worth knowing."""
        for note in notes:
            LOG.info("%s: %d %s", note.code, note.count, note.text)
        self.notes.extend(notes)

    def is_done(self, stage: str) -> bool:
        """Returns true if a stage's results exist."""
        return self.storage.has(f"done/{stage}")

    def mark_done(self, stage: str, record: dict | None = None) -> None:
        """Says that they are."""
        self.storage.write(f"done/{stage}", json.dumps(record or {}).encode())

    def record_of(self, stage: str) -> dict:
        """What a stage that is done had to say."""
        return json.loads(self.storage.read(f"done/{stage}"))

    def read(self, name: str) -> DataFrame:
        """Reads a stage's table."""
        return self.spark.read.parquet(self.storage.at(name))

    def write(self, name: str, frame: DataFrame) -> None:
        """Writes a stage's table."""
        frame.write.mode("overwrite").parquet(self.storage.at(name))

    # The stages.

    def look_around(self) -> None:
        """Checks that package, plugin and folder are on every executor."""
        with self.stage("start"):
            look = courier.look_around(self.courier, self.storage)
            tasks = 2 * self.slots
            frame = self.spark.range(0, tasks, 1, numPartitions=tasks)
            places = frame.mapInArrow(look, "place string").distinct().collect()
            self.executors = max(len(places), 1)

    def rows(self) -> DataFrame:
        """All rows, judged."""
        if self.all_rows is None:
            self.all_rows = cleaning.judged(self.df, self.source, self.job, self.courier)
        return self.all_rows

    def kept(self) -> DataFrame:
        """The rows that are kept."""
        return self.rows().where(f.col("ilk_reason").isNull())

    def count(self) -> Tally:
        """Counts rows and holds them against the guards."""
        with self.stage("count"):
            tally = cleaning.tally(self.rows())
        self.note(*tally.notes())
        rule = {"time_unit": self.source.time_unit, "time_format": self.source.time_format}
        self.note(*unused_settings(self.source.time, **rule))
        tally.check(self.job)
        return tally

    def agree(self, tally: Tally) -> None:
        """Refuses a folder that was created with another job or other data."""
        wish = {name: value for name, value in sorted(self.wish.items()) if name not in GUARDS}
        mine = {
            "job": wish,
            "columns": self.source.record(),
            "lists": self.lists.mark(),
            "plugin": self.courier.digest,
            "package": courier.VERSION,
            "data": f"{tally.rows} rows: {tally.fingerprint}",
        }
        found = self.storage.read(courier.JOB)
        if found is None:
            self.storage.write(courier.JOB, json.dumps(mine, indent=2).encode())
            return
        theirs = json.loads(found)
        other = [name for name in mine if theirs.get(name) != json.loads(json.dumps(mine[name]))]
        if other:
            raise Refused(
                "checkpoint",
                f"{self.storage} was created with another {' and '.join(other)}; name another "
                "folder, or remove it to start over",
            )

    def is_small(self, tally: Tally, most: int) -> bool:
        """Whether one task may take all rows: at most `most` of them, no long lists, and no progress by
        many tasks."""
        return 0 < tally.kept <= most and not self.lists.has_tables and not self.is_done("baskets")

    def compute_at_once(self) -> bool:
        """Leaves `neighbours` from one task that takes all rows; `False` if many tasks should."""
        with self.stage("at once"):
            work = at_once.Work(
                storage=self.storage,
                courier=self.courier,
                job={name: value for name, value in self.wish.items() if name not in GUARDS},
                lists=self.lists.given(),
            )
            self.write("neighbours", at_once.compute(self.kept(), self.job.of, work))
            self.alone = at_once.outcome(self.storage)
        if self.alone["outcome"] == "refused":
            raise Refused(self.alone["code"], self.alone["message"])
        if self.alone["outcome"] == "left":
            LOG.info("many tasks instead of one: %s", self.alone["message"])
            return False
        # What became of rows is counted already.
        known = {"rows", *REASONS}
        self.note(*(Note(**note) for note in self.alone["notes"] if note["code"] not in known))
        self.mark_done("neighbours")
        return True

    def fold(self, tally: Tally) -> Sizes:
        """Leaves `baskets`: who is not compared, with the items that are."""
        if not self.is_done("baskets"):
            with self.stage("fold"):
                sizes = self._fold(tally)
                self.mark_done("baskets", dataclasses.asdict(sizes))
        sizes = Sizes(**self.record_of("baskets"))
        for code, count, text in [
            ("netted_away", sizes.netted_away, "pairs with a net weight of 0 or less"),
            ("capped_users", sizes.capped_users, "users with more items than the cap"),
        ]:
            if count:
                self.note(Note(code, count, text))
        if sizes.heaviest > self.job.heaviest_user and self.lists.wanted is None:
            raise Refused(
                "refused",
                f"a user has {sizes.heaviest} items, which alone take "
                f"{sizes.heaviest * (sizes.heaviest - 1) // 2} pair operations: set max_items_per_user to "
                f"{self.job.heaviest_user} or less",
            )
        return sizes

    def _fold(self, tally: Tally) -> Sizes:
        job, of_users = self.job, self.job.of == "users"
        parts = folding.partitions_for(tally.kept, self.slots)
        kept = self.kept()
        if job.max_items_per_user is not None:
            kept = folding.with_hashes(kept, self.courier)
        # Sums of weights go by ascending users; counts need no order.
        ordered = job.is_weighted
        last = job.min_support <= 1 and not of_users
        spread = folding.spread(folding.needed(kept, job), "u", parts, ordered and not of_users)
        baskets = folding.baskets_of(folding.pairs_of(spread, job, self.weighing, self.courier), job)
        name = "baskets" if last else "baskets-all"
        self.write(name, folding.numbered(baskets, ordered and not of_users))
        sizes = folding.sizes_of(self.read(name), job.max_items_per_user)
        if last:
            return sizes
        if job.min_support > 1:
            if rare := folding.rare_items(self.read(name), job.min_support):
                self.note(Note("rare_items", rare, "items below min_support"))
            rest = folding.supported(self.read(name), job.min_support)
            name = "baskets" if not of_users else "baskets-supported"
            self.write(name, rest)
            more = folding.sizes_of(self.read(name), None)
            if emptied := sizes.users - more.users:
                self.note(Note("emptied_users", emptied, "users left without items"))
            sizes = dataclasses.replace(
                more,
                netted_away=sizes.netted_away,
                capped_users=sizes.capped_users,
                emptied=emptied,
            )
        if of_users:
            around = folding.turned_around(self.read(name), parts, ordered)
            self.write("baskets", folding.numbered(around, ordered))
            more = folding.sizes_of(self.read("baskets"), None)
            sizes = dataclasses.replace(
                more, netted_away=sizes.netted_away, capped_users=sizes.capped_users
            )
        return sizes

    def name_items(self, sizes: Sizes) -> Catalogue:
        """Leaves `items`, whose order is that of the codes; fetches their supports."""
        with self.stage("items"):
            if not self.is_done("items"):
                self.write("items", folding.items_of(self.read("baskets"), sizes.interactions))
                self.mark_done("items")
            catalogue = folding.catalogue_of(self.read("items"))
        if sizes.numbers >= 1 << 32:
            raise Refused("refused", f"{sizes.numbers:,} users exceed the limit of 4,294,967,295")
        return catalogue

    def plan(self, sizes: Sizes, catalogue: Catalogue) -> tuple[Plan, dict]:
        """Makes a plan, or reads that of the resumed job."""
        filters = self._filters(catalogue)
        found = self.storage.read("plan.json")
        if found is not None:
            return Plan.parsed(found.decode()), filters
        plan = planning.plan(
            catalogue,
            sizes,
            self.job,
            self._costs(sizes, catalogue),
            slots=self.slots,
            memory_bytes=self.memory_bytes,
            wanted=filters["wanted"],
        )
        self.storage.write("plan.json", plan.text().encode())
        return plan, filters

    def _costs(self, sizes: Sizes, catalogue: Catalogue) -> Costs:
        """Asks the plugin what tiles of the job cost."""
        return plugin_rows.costs(
            Instance(self.courier.plugin),
            self.wish,
            weight=self.source.weight is not None,
            time=self.source.time is not None,
            users=sizes.users,
            items=int(catalogue.count),
            interactions=sizes.interactions,
            operations=sizes.operations,
        )

    def _filters(self, catalogue: Catalogue) -> dict:
        """The positions of listed items."""
        codes = {name: self._codes(name, catalogue) for name in ("only", "exclude", "wanted")}
        order = planning.order_of(catalogue.supports)
        positions = numpy.empty_like(order)
        positions[order] = numpy.arange(len(order))
        candidates = codes["only"]
        if codes["exclude"] is not None:
            all_codes = numpy.arange(catalogue.count) if candidates is None else candidates
            candidates = numpy.setdiff1d(all_codes, codes["exclude"])
        at = lambda found: None if found is None else numpy.sort(positions[found])
        return {"candidates": at(candidates), "wanted": at(codes["wanted"])}

    def _codes(self, name: str, catalogue: Catalogue) -> numpy.ndarray | None:
        listed = getattr(self.lists, name)
        if listed is None:
            return None
        if not isinstance(listed, DataFrame):
            listed = self.spark.createDataFrame([(str(id),) for id in listed], "id string")
        ids = listed.select(listed[listed.columns[0]].cast("string").alias("id")).distinct()
        items = self.read("items").select("m", f.col("i").cast("string").alias("id"))
        found = ids.join(items, "id", "left").select("id", catalogue.code(f.col("m")).alias("code")).toArrow()
        codes = found["code"]
        self.lists.counts[name] = len(codes)
        if name != "exclude" and 0 < len(codes) == codes.null_count:
            items = self.read("items").select("i").orderBy("i").limit(SHOWN)
            refuse_unlisted(self.courier.plugin, name, found["id"].to_pylist(), items.toArrow()["i"])
        if codes.null_count:
            self.note(Note("unknown_ids", codes.null_count, f"IDs of {name} that are not in the data"))
        return codes.drop_null().to_numpy().astype("<i8")

    def lay_blocks(self, sizes: Sizes, catalogue: Catalogue, plan: Plan) -> list[Written]:
        """Writes every block once."""
        if not plan.blocks:
            return []
        if not self.is_done("blocks"):
            with self.stage("blocks"):
                written = self._lay_blocks(sizes, catalogue, plan)
                records = [dataclasses.asdict(block) for block in written]
                self.mark_done("blocks", {"blocks": records})
        return [Written(**block) for block in self.record_of("blocks")["blocks"]]

    def _lay_blocks(self, sizes: Sizes, catalogue: Catalogue, plan: Plan) -> list[Written]:
        order = planning.order_of(catalogue.supports)
        ground = Ground(
            storage=self.storage,
            courier=self.courier,
            plan=plan,
            starts=sizes.starts,
            checksums=blocks.lay_order(self.storage, order),
            weights=self._weights(sizes, catalogue) if self.job.is_weighted else None,
        )
        baskets, items = self.read("baskets"), self.read("items")
        rows = blocks.interactions_of(baskets, items, catalogue, ground)
        sent = blocks.by_block(rows, ground)
        if ground.weights and ground.weights.has_lengths:
            ground = self._with_lengths(ground, sent, catalogue, order)
        return blocks.write_blocks(sent, catalogue, ground)

    def _weights(self, sizes: Sizes, catalogue: Catalogue) -> Weights:
        needs = {
            "degree": self.job.weighting in ("tfidf", "bm25"),
            "weight": self.job.needs_weight,
            "time": self.job.weighting == "decay",
            "total": self.job.center == "user",
        }
        needs["degree"] |= needs["total"]
        return Weights(
            # What the plugin decides of rows is decided.
            job=self.weighing,
            norm=self.job.norm,
            of_items=self.job.center == "item",
            items=catalogue.count,
            needs=frozenset(name for name, is_needed in needs.items() if is_needed),
            has_lengths=self.job.weighting == "bm25",
            newest=sizes.newest or 0,
        )

    def _with_lengths(self, ground: Ground, sent: DataFrame, catalogue: Catalogue, order) -> Ground:
        """Leaves `lengths`, the sum of every item's weights, by position."""
        if "weight" in ground.weights.needs:
            lengths = blocks.lengths_of(sent, catalogue.count, ground)
        else:
            lengths = catalogue.supports[order].astype("<f8")
        self.storage.write("lengths", lengths.tobytes())
        by_code = numpy.empty_like(lengths)
        by_code[order] = lengths
        # Added up one after the other, by code.
        average = float(numpy.cumsum(by_code)[-1]) / catalogue.count
        return dataclasses.replace(ground, weights=dataclasses.replace(ground.weights, average=average))

    def compute(self, plan: Plan, written: list[Written], filters: dict, tiles=None) -> None:
        """Computes the tiles that are missing, of all or of those named."""
        with self.stage("tiles"):
            wanted = range(len(plan.tiles)) if tiles is None else tiles
            there = tiling.done(self.storage)
            missing = [tile for tile in wanted if tile not in there]
            if missing:
                shift = tiling.Shift(
                    storage=self.storage,
                    courier=self.courier,
                    plan=plan,
                    written=written,
                    job=self.tile_job,
                    **filters,
                )
                self.figures = tiling.compute(self.spark, shift, missing).collect()

    def merge(self, plan: Plan, catalogue: Catalogue) -> None:
        """Leaves `neighbours`."""
        with self.stage("merge"):
            items = self.read("items")
            labels = None
            if self.source.item_label is not None and self.job.of == "items":
                labels = merging.labels_of(self.kept())
            offers = sum(row["offers"] for row in self.figures) or plan.bytes_offered // 12
            found = self.spark.createDataFrame([], merging.FOUND)
            if plan.tiles:
                found = merging.neighbours(
                    self.spark, self.storage, self.courier, plan.top, catalogue.count, offers, self.slots
                )
            if self.wish.get("pairs") == "once":
                found = merging.pairs_once(found)
            self.write("neighbours", merging.with_ids(found, items, catalogue, labels))
            self.check_left()
            self.mark_done("neighbours")

    def check_left(self) -> None:
        """Refuses a table without rows where lists or the threshold may have left none."""
        settings = [name for name, listed in self.lists.given().items() if listed is not None]
        if (least := self.wish.get("threshold")) is not None:
            shortest = numpy.format_float_positional(numpy.float32(least), trim="-")
            settings.append(f"threshold {shortest}")
        if settings and self.read("neighbours").isEmpty():
            these, leave = " and ".join(settings), "leaves" if len(settings) == 1 else "leave"
            raise Refused("refused", f"{these} {leave} no neighbours; leave out {these} to see what there is")

    def finish(self) -> None:
        """Leaves `run.json`: what ran, how long each stage took, what tiles took and where."""
        parts = ("reading", "numbering", "computing", "merging", "writing")
        record = {
            "seconds": self.seconds,
            "notes": [dataclasses.asdict(note) for note in self.notes],
            "executors": sorted({row["place"] for row in self.figures}),
            "at_once": self.alone,
            "tiles": {
                "computed": len(self.figures),
                "offers": sum(row["offers"] for row in self.figures),
                "pair_operations": sum(row["additions"] for row in self.figures),
                "seconds": {part: sum(row[part] for row in self.figures) for part in parts},
            },
        }
        self.storage.write("run.json", json.dumps(record, indent=2).encode())

    def tidy(self) -> None:
        """Removes everything but the neighbours."""
        for name in ("baskets", "baskets-all", "baskets-supported", "items", "blocks", "tiles"):
            self.storage.remove(name)


WEIGHING = ("like", "measure", "weighting", "center", "k1", "b", "half_life", "now", "alpha", "beta", "kappa")
