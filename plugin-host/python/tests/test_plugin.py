"""The package against the conformance cases, in every kind of table, and against what goes wrong.

Run with the package installed: `python -m unittest discover -s plugin-host/python/tests`.
"""

import datetime
import os
import pathlib
import pickle
import random
import threading
import time
import unittest
import warnings

import numpy
import pandas
import polars
import pyarrow
import wasmtime

import ilk_plugin
from cases import CASES, Case, cells, every_case
from guests import LOOP, STEP, in_child, module
from ilk_plugin import Block, Items, Offers, SimilarityJob


def setUpModule():
    # Cases set rows aside; `test_warnings.py` is about that.
    warnings.simplefilter("ignore", ilk_plugin.IlkWarning)


class Conformance(unittest.TestCase):
    def test_every_case_gives_what_is_expected(self):
        for case in every_case():
            with self.subTest(case.name):
                found = ilk_plugin.similar_items(case.table, **case.request)
                self.assertEqual(found.column_names, case.columns)
                self.assertEqual(cells(found), case.expected)

    def test_pieces_do_not_show(self):
        for case in every_case():
            with self.subTest(case.name):
                session = ilk_plugin.Session(**case.request)
                for start in range(0, len(case.table), 3):
                    session.add(case.table.slice(start, 3))
                while not session.step()["finished"]:
                    pass
                self.assertEqual(cells(session.result()), case.expected)
                rows = next(note for note in session.notes() if note.code == "rows")
                self.assertEqual(rows.count, len(case.table))


class Tables(unittest.TestCase):
    def test_what_goes_in_as_pandas_or_polars_comes_out_so(self):
        case = Case(CASES / "35-labels")
        expected = ilk_plugin.similar_items(case.table, **case.request)
        frames = [
            (case.table.to_pandas(), pandas.DataFrame, pyarrow.Table.from_pandas),
            (polars.from_arrow(case.table), polars.DataFrame, lambda frame: frame.to_arrow()),
        ]
        for frame, kind, back in frames:
            found = ilk_plugin.similar_items(frame, **case.request)
            self.assertIsInstance(found, kind)
            self.assertEqual(cells(back(found).cast(expected.schema)), cells(expected))
        batches = case.table.to_reader()
        self.assertEqual(ilk_plugin.similar_items(batches, **case.request), expected)

    def test_progress_is_told_and_can_end_the_work(self):
        case = Case(CASES / "13-llr")
        told = []
        ilk_plugin.similar_items(case.table, on_progress=told.append, **case.request)
        self.assertEqual(told[-1], {"stage": "comparing", "done": 1.0, "finished": True})

        def stop(_):
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            ilk_plugin.similar_items(case.table, on_progress=stop, **case.request)

    def test_refusals_say_what_to_do(self):
        table = pyarrow.table({"user": [1, 2], "item": ["a", "b"], "much": [0.5, 2]})
        refusals = [
            ("column", "did you mean `user`", {"user": "usr", "item": "item"}),
            ("setting", "choose one of", {"user": "user", "item": "item", "job": {"measure": "x"}}),
            ("setting", "did you mean top?", {"user": "user", "item": "item", "job": {"tops": 3}}),
            ("column", "much", {"user": "much", "item": "item"}),
        ]
        for code, words, request in refusals:
            with self.subTest(words), self.assertRaises(ilk_plugin.Refused) as refused:
                ilk_plugin.similar_items(table, **request)
            self.assertEqual(refused.exception.code, code, refused.exception)
            self.assertNotIn("\n", str(refused.exception))
            if words != "choose one of":
                self.assertIn(words, str(refused.exception))
            again = pickle.loads(pickle.dumps(refused.exception))
            self.assertEqual((again.code, str(again)), (code, str(refused.exception)))
        with self.assertRaises(ilk_plugin.Refused) as refused:
            ilk_plugin.similar_items(table.slice(0, 0), user="user", item="item")
        self.assertEqual(refused.exception.code, "no_rows")
        for thing in [[1, 2], pandas.Series([1]), polars.Series([1])]:
            with self.assertRaises(TypeError):
                ilk_plugin.similar_items(thing, user="user", item="item")

    def test_columns_that_nothing_names_may_hold_anything(self):
        columns = {"user": [1, 1, 2], "item": ["a", "b", "b"]}
        expected = ilk_plugin.similar_items(pyarrow.table(columns), user="user", item="item")
        mixed = pandas.DataFrame({**columns, "invoice": [536365, "C536379", {}], 7: 8})
        wide = polars.Series([1] * 3, dtype=polars.Int128)
        strange = polars.DataFrame({**columns, "object": polars.Series([object()] * 3), "wide": wide})
        for frame in [mixed, strange]:
            found = ilk_plugin.similar_items(frame, user="user", item="item")
            self.assertEqual(list(found["neighbour"]), expected["neighbour"].to_pylist())
        refusals = [
            (mixed, "invoice", "several types"),
            (strange, "object", "Object"),
            (strange, "wide", "Int128"),
            (pandas.DataFrame([[1, 2, 3]], columns=["user", "twice", "twice"]), "twice", "several columns"),
            (mixed, "invoise", "did you mean `invoice`"),
        ]
        for frame, item, words in refusals:
            refused = self.refusal(table=frame, item=item)
            self.assertEqual(refused.code, "column")
            self.assertIn(f"`{item}`", str(refused))
            self.assertIn(words, str(refused))

    def test_sessions_take_what_similar_items_takes(self):
        batch = pyarrow.record_batch({"user": [1, 1], "item": [7, 8]})
        session = ilk_plugin.Session(user="user", item="item")
        for piece in [batch, batch.to_pandas(), polars.from_arrow(batch), pyarrow.table(batch)]:
            session.add(piece)
        while not session.step()["finished"]:
            pass
        self.assertEqual(session.notes()[0].count, 8)
        self.assertEqual(len(session.result()), 2)
        with self.assertRaises(ilk_plugin.Ended):
            session.result()

    def test_what_was_set_aside_is_told(self):
        table = pyarrow.table({"user": [1, 1, None], "item": [7, 8, 9]})
        told = []
        ilk_plugin.similar_items(table, user="user", item="item", only=[7, 5], on_notes=told.append)
        self.assertEqual(
            {note.code: note.count for note in told[0]}, {"rows": 3, "null_user": 1, "unknown_ids": 1}
        )

    def test_listed_ids_match_however_they_are_given(self):
        table = pyarrow.table({"user": [1, 1, 1], "item": [10, 11, 12]})
        texts = pyarrow.table({"user": [1, 1, 1], "item": ["10", "11", "12"]})
        lists = [
            [10, 11], ["10", 11], (10.0, 11.0), [b"10", b"11"], [numpy.float32(10), numpy.int8(11)],
            pandas.Series([10, 11, None]), pandas.Series([10, 11, None], dtype="Int64"),
            polars.Series([10, 11, None]), pyarrow.array([10, 11, None]), numpy.array([10, 11]),
        ]  # fmt: skip
        for listed in lists:
            for rows in [table, texts]:
                found = ilk_plugin.similar_items(rows, user="user", item="item", wanted=listed)
                items = [str(id) for id in found["item"].to_pylist()]
                self.assertEqual(items, ["10", "10", "11", "11"], listed)

    def test_lists_that_are_none_are_refused(self):
        for name in ["only", "exclude", "wanted", "where"]:
            for given in ["85123A", b"85123A", 3]:
                self.assertIn(f"{name} is", str(self.refusal(**{name: given})))
        for name, given in [("only", [1.5]), ("only", [b"\xff"]), ("where", [3])]:
            self.assertIn(f"{name} has", str(self.refusal(**{name: given})))

    def test_one_column_is_not_both_user_and_item(self):
        self.assertIn("the same column", str(self.refusal(user="item", item="item")))
        for column in [None, 0]:
            self.assertIn("name of a column", str(self.refusal(user=column)))

    def test_jobs_take_what_python_has(self):
        table = pyarrow.table(
            {"user": [1, 1, 2], "item": [7, 8, 8], "at": [datetime.date(2026, 1, day) for day in (1, 2, 3)]}
        )

        def found(now, half_life):
            job = SimilarityJob(weighting="decay", now=now, half_life=half_life, top=numpy.int64(3))
            return ilk_plugin.similar_items(table, user="user", item="item", time="at", job=job)

        expected = found("2026-01-04", "36h")
        zone = datetime.timezone(datetime.timedelta(hours=1))
        for now in [
            datetime.date(2026, 1, 4),
            datetime.datetime(2026, 1, 4),
            datetime.datetime(2026, 1, 4, 1, tzinfo=zone),
            pandas.Timestamp("2026-01-04"),
            numpy.datetime64("2026-01-04"),
        ]:
            self.assertEqual(found(now, datetime.timedelta(days=1.5)), expected)

    def test_jobs_that_are_none_are_refused(self):
        for job in [3, "{top", "[1]", "3", {"top": object()}, {"top": {1}}, SimilarityJob(top=1j)]:
            self.assertEqual(self.refusal(job=job).code, "setting")

    def refusal(self, table=None, user="user", item="item", **request) -> ilk_plugin.Refused:
        if table is None:
            table = pyarrow.table({"user": [1, 1], "item": ["a", "b"]})
        with self.assertRaises(ilk_plugin.Refused) as refused:
            ilk_plugin.similar_items(table, user=user, item=item, **request)
        self.assertNotIn("\n", str(refused.exception))
        return refused.exception


def draw(users: int, count: int, seed: int):
    """Makes items by descending support, with their users."""
    random = numpy.random.default_rng(seed)
    lists = [numpy.flatnonzero(random.random(users) < 0.6 / (1 + n / 9)) for n in range(count)]
    lists = sorted((one for one in lists if len(one)), key=len, reverse=True)
    codes = random.permutation(len(lists)).astype("u4")
    return lists, codes


def block(lists, first: int, end: int) -> Block:
    some = lists[first:end]
    starts = numpy.cumsum([0] + [len(one) for one in some])
    return Block(first, starts, numpy.concatenate([*some, numpy.empty(0, int)]))


class Tiles(unittest.TestCase):
    def test_tiles_by_themselves_merge_into_the_neighbours(self):
        users = 300
        lists, codes = draw(users, 60, 7)
        table = pyarrow.table(
            {
                "user": numpy.concatenate(lists),
                "item": numpy.concatenate(
                    [numpy.full(len(one), code) for code, one in zip(codes, lists)]
                ),
            }
        )
        job = SimilarityJob(measure="jaccard", top=4)
        expected = ilk_plugin.similar_items(table, user="user", item="item", job=job)
        n = len(numpy.unique(table["user"].to_numpy()))
        supports = numpy.array([len(one) for one in lists])
        for sides in ["row", "both"]:
            parts = []
            cuts = [(start, min(start + 17, len(lists))) for start in range(0, len(lists), 17)]
            for rows in cuts:
                for columns in cuts:
                    if sides == "both" and columns > rows:
                        continue
                    # Nothing but this tile's own items: its columns, then its rows.
                    if rows == columns:
                        positions = list(range(*rows))
                        local = [lists[place] for place in positions]
                        blocks = [block(local, 0, len(local))] * 2
                    else:
                        first, second = sorted([rows, columns])
                        positions = [*range(*first), *range(*second)]
                        local = [lists[place] for place in positions]
                        middle = first[1] - first[0]
                        blocks = [block(local, 0, middle), block(local, middle, len(local))]
                        if rows > columns:
                            blocks.reverse()
                    items = Items(
                        users=n, numbers=users, codes=codes[positions], supports=supports[positions]
                    )
                    parts.append(ilk_plugin.compute_tile(items, *blocks, job=job, sides=sides))
            merged = ilk_plugin.merge(4, Offers.concatenate(parts))
            self.assertEqual(merged.items.tolist(), expected["item"].to_pylist())
            self.assertEqual(merged.neighbours.tolist(), expected["neighbour"].to_pylist())
            self.assertEqual(merged.overlaps.tolist(), expected["overlap"].to_pylist())
            scores = expected["score"].to_numpy()
            self.assertEqual(merged.scores.tobytes(), scores.tobytes())

    def test_blocks_that_do_not_go_together_are_refused(self):
        items = Items(users=3, codes=[0, 1], supports=[2, 1])
        good = Block(0, [0, 2, 3], [0, 2, 1])
        for bad in [
            Block(0, [0, 2, 4], [0, 2, 1]),
            Block(0, [0, 2, 3], [2, 0, 1]),
            Block(0, [0, 2, 3], [0, 3, 1]),
            Block(1, [0, 2, 3], [0, 2, 1]),
            Block(0, [0, 2, 3], [0, 2, 1], numpy.ones(3)),
        ]:
            comparison = ilk_plugin.Comparison(items)
            comparison.rows(good)
            with self.assertRaises(ilk_plugin.Refused) as refused:
                comparison.columns(bad)
            self.assertEqual(refused.exception.code, "block")
        with self.assertRaises(ilk_plugin.Refused):
            ilk_plugin.Comparison(Items(users=3, codes=[0, 1], supports=[1, 2]))
        with self.assertRaises(ValueError):
            ilk_plugin.Comparison(Items(users=3, codes=[-1, 1], supports=[2, 1]))

    def test_numbers_that_cannot_be_are_refused(self):
        items = Items(users=3, codes=[0, 1], supports=[2, 1])
        nan = float("nan")
        for users in [[0.5, 2, 1], [nan, 2, 1], [0, 2, float("inf")], ["a", "b", "c"], [[0, 2, 1]]]:
            with self.subTest(users), self.assertRaises(ValueError):
                ilk_plugin.Comparison(items).rows(Block(0, [0, 2, 3], users))
        for first in [-1, 1 << 32]:
            with self.assertRaises(ValueError):
                ilk_plugin.Comparison(items).rows(Block(first, [0, 2, 3], [0, 2, 1]))
        for square in [nan, float("inf"), -1.0]:
            with self.assertRaises(ValueError):
                ilk_plugin.Comparison(Items(3, [0, 1], [2, 1], squares=[square, 1]))
        for top, score in [(1, nan), (1, float("inf")), (-1, 0.5)]:
            with self.assertRaises(ValueError):
                ilk_plugin.merge(top, Offers([1], [2], [score], [1]))
        # Whole numbers may come as floats.
        ilk_plugin.Comparison(items).rows(Block(0, [0.0, 2.0, 3.0], [0.0, 2.0, 1.0]))

    def test_a_comparison_ends_with_its_first_refusal(self):
        comparison = ilk_plugin.Comparison(Items(users=3, codes=[0, 1], supports=[2, 1]))
        with self.assertRaises(ilk_plugin.Refused):
            comparison.compute([0])
        with self.assertRaises(ilk_plugin.Ended):
            comparison.rows(Block(0, [0, 2, 3], [0, 2, 1]))


class Hostile(unittest.TestCase):
    def error(self, wasm: bytes, **limits) -> Exception:
        with self.assertRaises(ilk_plugin.PluginError) as error:
            plugin = ilk_plugin.Plugin(wasm, ilk_plugin.Limits(**limits))
            ilk_plugin.Session(plugin, user="user", item="item")
        return error.exception

    def test_an_endless_loop_ends_at_the_deadline(self):
        begin = time.monotonic()
        error = self.error(module("(loop (br 0)) unreachable"), deadline=0.3)
        self.assertIsInstance(error, ilk_plugin.Deadline)
        self.assertLess(time.monotonic() - begin, 20)

    def test_limits_are_kept(self):
        hog = "(loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable"
        self.assertIsInstance(self.error(module(hog), memory_bytes=1 << 24), ilk_plugin.OutOfMemory)
        self.assertIsInstance(
            self.error(module("(loop (br 0)) unreachable"), fuel=10_000), ilk_plugin.OutOfFuel
        )

    def test_traps_and_nonsense_are_errors(self):
        self.assertIsInstance(self.error(module("unreachable")), ilk_plugin.Trapped)
        self.assertIsInstance(
            self.error(module("(call $down) unreachable", "(func $down (call $down))")),
            ilk_plugin.Trapped,
        )
        # A refusal whose message lies past the memory.
        self.assertIsInstance(self.error(module("i32.const 0")), ilk_plugin.BadOutput)

    def test_scores_that_are_no_numbers_are_nonsense(self):
        # Answers with what it was handed, whose scores the host is then not to believe.
        echo = f"""(module (memory (export "memory") 2 2)
            (func (export "ilk_abi") (result i32) i32.const 1)
            (func (export "ilk_alloc") (param i32) (result i32) i32.const 16)
            (func (export "ilk_answer") (result i32) i32.const 16)
            (func (export "ilk_answer_length") (result i32) i32.const {{}})
            (func (export "ilk_merge") (param i32 i32 i32) (result i32)
            (f32.store (i32.const 24) (f32.const nan)) i32.const 1))"""
        for length in [16, 15]:
            plugin = ilk_plugin.Plugin(bytes(wasmtime.wat2wasm(echo.replace("{}", str(length)))))
            with self.assertRaises(ilk_plugin.BadOutput):
                ilk_plugin.merge(1, Offers([1], [2], [0.5], [1]), plugin=plugin)

    def test_limits_that_cannot_be_are_refused(self):
        nan, inf = float("nan"), float("inf")
        for name, values in {
            "memory_bytes": [-1, 0, (1 << 32) + 1, 1.5e9, "1GiB", None],
            "fuel": [-1, 1 << 64, 1.5, "all"],
            "deadline": [-1, nan, inf, 1e300, "5"],
        }.items():
            for value in values:
                with self.subTest(f"{name}={value}"), self.assertRaises(ilk_plugin.Refused) as refused:
                    ilk_plugin.load(**{name: value})
                self.assertEqual(refused.exception.code, "limit")
                self.assertIn(f"{name} is {value!r}; give", str(refused.exception))
        self.assertEqual(ilk_plugin.Limits(memory_bytes=numpy.int64(1 << 24)).memory_bytes, 1 << 24)

    def test_a_piece_that_does_not_fit_is_out_of_memory(self):
        table = pyarrow.table({"user": range(40), "item": ["x" * 100_000] * 40})
        for limit in [1 << 21, 6 << 20]:
            with self.assertRaises(ilk_plugin.OutOfMemory):
                plugin = ilk_plugin.load(memory_bytes=limit)
                ilk_plugin.similar_items(table, user="user", item="item", plugin=plugin)

    def test_a_second_thread_is_refused(self):
        plugin = ilk_plugin.Plugin(
            module("i32.const 1", STEP.format(LOOP)), ilk_plugin.Limits(deadline=3)
        )
        session = ilk_plugin.Session(plugin, user="user", item="item")
        ended = []

        def step():
            try:
                session.step()
            except ilk_plugin.Deadline as error:
                ended.append(error)

        thread = threading.Thread(target=step)
        thread.start()
        # Within its call by then, which goes on for most of three seconds.
        time.sleep(0.2)
        for call in [session.step, session.notes, session.result, lambda: session.add_bytes(b"")]:
            with self.assertRaises(ilk_plugin.Busy):
                call()
        thread.join()
        self.assertEqual(len(ended), 1)
        with self.assertRaises(ilk_plugin.Ended):
            session.step()

    @unittest.skipUnless(hasattr(os, "fork"), "this system has no fork")
    def test_forked_processes_keep_deadlines_and_compile(self):
        plugin = ilk_plugin.Plugin(module(LOOP), ilk_plugin.Limits(deadline=0.3))

        def late():
            with self.assertRaises(ilk_plugin.Deadline):
                ilk_plugin.Session(plugin, user="user", item="item")

        def new():
            # No compiled code is kept of a number that is drawn.
            number = random.getrandbits(31)
            ilk_plugin.Plugin(module(f"(drop (i32.const {number})) unreachable"))

        for run in [late, new]:
            self.assertEqual(in_child(run), 0)

    def test_files_that_are_no_plugins_are_refused(self):
        whole = (pathlib.Path(ilk_plugin.__file__).parent / "ilk.module.wasm").read_bytes()
        component = wasmtime.wat2wasm("(component)")
        imports = wasmtime.wat2wasm('(module (import "a" "b" (func)))')
        for wasm in [b"", b"no plugin", whole[: len(whole) // 2], component, imports, b"\0asm\1\0\0\0"]:
            self.assertIsInstance(self.error(bytes(wasm)), ilk_plugin.IncompatibleInterface)

    def test_modules_that_are_not_what_they_are_called_are_refused(self):
        whole = """(module {memory} {abi}
            (func (export "ilk_alloc") (param i32) (result i32) i32.const 8)
            (func (export "ilk_answer") (result i32) i32.const 0)
            (func (export "ilk_answer_length") (result i32) i32.const 0) {more})"""
        memory, abi = '(memory (export "memory") 2)', '(func (export "ilk_abi") (result i32) i32.const 1)'
        globe = '(global (export "{}") i32 (i32.const 0))'
        for name, parts in {
            "memory": {"memory": globe.format("memory")},
            "ilk_abi": {"abi": globe.format("ilk_abi")},
            "ilk_session_step": {"more": '(func (export "ilk_session_step") (result i64) i64.const 0)'},
            # Missed when it is called.
            "ilk_session_open": {},
        }.items():
            wasm = wasmtime.wat2wasm(whole.format(**{"memory": memory, "abi": abi, "more": ""} | parts))
            error = self.error(bytes(wasm))
            self.assertIsInstance(error, ilk_plugin.IncompatibleInterface)
            self.assertIn(name, str(error))

    def test_plugins_may_be_named_by_their_path(self):
        path = pathlib.Path(ilk_plugin.__file__).parent / "ilk.module.wasm"
        table = pyarrow.table({"user": [1, 1], "item": [7, 8]})
        for plugin in [path, str(path)]:
            found = ilk_plugin.similar_items(table, user="user", item="item", plugin=plugin)
            self.assertEqual(len(found), 2)
        for missing in ["/nowhere/ilk.module.wasm", path.parent]:
            with self.assertRaises(ilk_plugin.Unreadable) as error:
                ilk_plugin.load(missing)
            self.assertIsInstance(error.exception, OSError)
            self.assertIn(str(missing), str(error.exception))
        with self.assertRaises(ilk_plugin.Refused):
            ilk_plugin.similar_items(table, user="user", item="item", plugin=3)

    def test_a_plugin_serves_on_after_errors(self):
        plugin = ilk_plugin.load()
        for _ in range(30):
            with self.assertRaises(ilk_plugin.Refused):
                ilk_plugin.Session(plugin, user="", item="item")
        table = pyarrow.table({"user": [1, 1], "item": [7, 8]})
        found = ilk_plugin.similar_items(table, user="user", item="item", plugin=plugin)
        self.assertEqual(len(found), 2)


if __name__ == "__main__":
    unittest.main()
