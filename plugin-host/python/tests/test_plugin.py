"""The package against the conformance cases, in every kind of table, and against what goes wrong.

Run with the package installed: `python -m unittest discover -s plugin-host/python/tests`.
"""

import pathlib
import pickle
import time
import unittest

import numpy
import pandas
import polars
import pyarrow
import wasmtime

import ilk_plugin
from cases import CASES, Case, cells, every_case
from ilk_plugin import Block, Items, Offers, SimilarityJob


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
            ("setting", "unknown field", {"user": "user", "item": "item", "job": {"tops": 3}}),
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
        with self.assertRaises(TypeError):
            ilk_plugin.similar_items([1, 2], user="user", item="item")


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


def module(body: str, extra: str = "") -> bytes:
    """A core module that has the calls, and does `body` when a session is opened."""
    return bytes(
        wasmtime.wat2wasm(
            f"""(module (memory (export "memory") 2) {extra}
            (func (export "ilk_abi") (result i32) i32.const 1)
            (func (export "ilk_alloc") (param i32) (result i32) i32.const 65536)
            (func (export "ilk_answer") (result i32) i32.const 0)
            (func (export "ilk_answer_length") (result i32) i32.const -1)
            (func (export "ilk_session_open") (param i32 i32) (result i32) {body}))"""
        )
    )


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
        self.assertLess(time.monotonic() - begin, 5)

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

    def test_files_that_are_no_plugins_are_refused(self):
        whole = (pathlib.Path(ilk_plugin.__file__).parent / "ilk.module.wasm").read_bytes()
        component = wasmtime.wat2wasm("(component)")
        imports = wasmtime.wat2wasm('(module (import "a" "b" (func)))')
        for wasm in [b"", b"no plugin", whole[: len(whole) // 2], component, imports, b"\0asm\1\0\0\0"]:
            self.assertIsInstance(self.error(bytes(wasm)), ilk_plugin.IncompatibleInterface)

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
