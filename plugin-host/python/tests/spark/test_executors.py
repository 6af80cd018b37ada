"""The package on executors that are processes of their own: killed, and without what they need."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import pyarrow
import pyarrow.parquet
from pyspark import SparkFiles
from support import assert_same, draw, native, session

from ilk_plugin.spark import TaskFailed, similar_items

COLUMNS = {"user": "user", "item": "item"}
JOB = {"top": 9, "measure": "dice"}


def executors(application: str) -> list[int]:
    """The processes of an application's executors."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if b"CoarseGrainedExecutorBackend" in command and application.encode() in command:
            found.append(int(folder.name))
    return found


class Cluster(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.spark = session("local-cluster[2,1,1024]", **{"spark.executor.memory": "1g"})
        cls.table = draw(users=4_000, items=1_500, rows=120_000, seed=5)
        path = f"{cls.folder.name}/rows.parquet"
        pyarrow.parquet.write_table(cls.table, path)
        cls.df = cls.spark.read.parquet(path)

    @classmethod
    def tearDownClass(cls):
        cls.spark.stop()
        cls.folder.cleanup()

    def test_a_killed_executor_changes_nothing(self):
        checkpoint = f"{self.folder.name}/killed"
        killed = []

        def kill():
            tiles = pathlib.Path(checkpoint, "tiles")
            while not any(tiles.glob("*/offers.parquet")):
                time.sleep(0.02)
            process = executors(self.spark.sparkContext.applicationId)[0]
            os.kill(process, signal.SIGKILL)
            killed.append(process)

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        found = similar_items(
            self.df, job=JOB, checkpoint=checkpoint, slots=40, rows_at_once=0, **COLUMNS
        )
        killer.join(60)
        self.assertEqual(len(killed), 1)
        assert_same(self, found, native(self.table, JOB, **COLUMNS))

    def test_a_missing_or_wrong_plugin_is_told_with_its_executor(self):
        folder = f"{self.folder.name}/spoilt"

        def places(batches):
            for batch in batches:
                root = [os.path.abspath(SparkFiles.getRootDirectory())] * len(batch)
                yield pyarrow.RecordBatch.from_pydict({"root": root})

        def spoil(how):
            # What executors got lies in their own folders.
            frame = self.spark.range(0, 8, 1, 8).mapInArrow(places, "root string")
            for root in frame.distinct().collect():
                for plugin in pathlib.Path(root["root"]).glob("ilk-*.wasm"):
                    how(plugin)

        similar_items(self.df.limit(500), scratch=folder, **COLUMNS)
        for how, words in [
            (lambda plugin: plugin.write_bytes(b"no plugin"), "is not the plugin that was sent"),
            (pathlib.Path.unlink, "is missing at"),
        ]:
            spoil(how)
            with self.assertRaises(TaskFailed) as failed:
                # Workers that hold an instance keep it; other limits make them look again.
                self.limit = getattr(self, "limit", 1 << 29) + 65536
                similar_items(self.df.limit(500), scratch=folder, memory_bytes=self.limit, **COLUMNS)
            message = str(failed.exception)
            self.assertRegex(message, r"failed on executor \d+ on \S+: ")
            self.assertIn(words, message)
            self.assertIn("start the application again", message)
            self.assertNotIn("\n", message)

    def test_a_folder_that_is_not_shared_is_refused(self):
        with self.assertRaises(Exception) as refused:
            similar_items(self.df, **COLUMNS)
        self.assertIn("name a folder that the driver and all of them share", str(refused.exception))


# A cluster of its own each: at night.
at_night = unittest.skipUnless("ILK_TESTS_FULL" in os.environ, "ILK_TESTS_FULL=1 runs it")


@at_night
class Packages(unittest.TestCase):
    def test_a_package_that_executors_lack_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            broken = pathlib.Path(folder, "ilk_plugin")
            broken.mkdir()
            text = "raise ModuleNotFoundError(\"No module named 'ilk_plugin'\")\n"
            (broken / "__init__.py").write_text(text)
            setting = {"spark.executorEnv.PYTHONPATH": folder, "spark.executor.memory": "1g"}
            spark = session("local-cluster[1,1,1024]", **setting)
            try:
                df = spark.createDataFrame([(1, "a"), (1, "b")], "user int, item string")
                with self.assertRaises(TaskFailed) as failed:
                    similar_items(df, scratch=f"{folder}/work", **COLUMNS)
            finally:
                spark.stop()
            message = str(failed.exception)
            self.assertRegex(message, r"^executor \d+ on \S+ has no package ilk_plugin: `pip install")
            self.assertNotIn("\n", message)


HALFWAY = """
import sys
from support import session
from ilk_plugin.spark import similar_items
spark = session("local[2]")
df = spark.read.parquet(sys.argv[1])
similar_items(df, user="user", item="item", job={"top": 9, "measure": "dice"}, checkpoint=sys.argv[2],
    slots=40, rows_at_once=0)
"""


@at_night
class Drivers(unittest.TestCase):
    def test_a_driver_killed_halfway_is_gone_on_with(self):
        table = draw(users=4_000, items=1_500, rows=120_000, seed=6)
        with tempfile.TemporaryDirectory() as folder:
            path, checkpoint = f"{folder}/rows.parquet", pathlib.Path(folder, "run")
            pyarrow.parquet.write_table(table, path)
            command = [sys.executable, "-c", HALFWAY, path, str(checkpoint)]
            here = str(pathlib.Path(__file__).parent)
            environment = os.environ | {"PYTHONPATH": here}
            driver = subprocess.Popen(command, env=environment, start_new_session=True)
            try:
                while not any(checkpoint.glob("tiles/*/offers.parquet")):
                    self.assertIsNone(driver.poll(), "the driver ended before it could be killed")
                    time.sleep(0.02)
            finally:
                # The driver, its JVM and its workers: all that it began.
                os.killpg(driver.pid, signal.SIGKILL)
                driver.wait()
            there = {path: path.stat().st_mtime_ns for path in checkpoint.glob("tiles/*/offers.parquet")}
            self.assertFalse((checkpoint / "done/neighbours").exists())
            spark = session("local[2]")
            try:
                found = similar_items(
                    spark.read.parquet(path), job=JOB, checkpoint=str(checkpoint), slots=40, rows_at_once=0, **COLUMNS
                )
                assert_same(self, found, native(table, JOB, **COLUMNS))
            finally:
                spark.stop()
            self.assertEqual({path: path.stat().st_mtime_ns for path in there}, there)


if __name__ == "__main__":
    unittest.main()
