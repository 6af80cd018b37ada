"""The package in processes that lack a home, and in those that are interrupted."""

import logging
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import ilk_plugin
from guests import LOOP, STEP, in_child, module

NOBODY = 65534


def lose_rights() -> None:
    """Becomes a user without rights, whom permissions hold."""
    if os.geteuid() == 0:
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def compile_something() -> None:
    """Compiles what no cache has."""
    number = random.getrandbits(31)
    plugin = ilk_plugin.Plugin(module(f"(drop (i32.const {number})) i32.const 1"))
    ilk_plugin.Session(plugin, user="user", item="item")


@unittest.skipUnless(hasattr(os, "fork"), "this system has no fork")
class Homes(unittest.TestCase):
    def compiles(self, home: str | None, logs: int) -> None:
        """Compiles a plugin in a process with this home, with so many lines for who looks closely."""

        def run():
            os.environ.pop("XDG_CACHE_HOME", None)
            os.environ.pop("HOME", None)
            if home is not None:
                os.environ["HOME"] = home
            with self.assertLogs("ilk_plugin", logging.DEBUG) as told:
                logging.getLogger("ilk_plugin").debug("compiling")
                lose_rights()
                compile_something()
            self.assertEqual([record.levelno for record in told.records], [logging.DEBUG] * (1 + logs))

        # What Python loads when it is first needed, a user without rights may not see.
        compile_something()
        self.assertEqual(in_child(run), 0)

    def test_no_home(self):
        # The one that the system knows of then; nobody has none.
        self.compiles(None, 1 if os.geteuid() == 0 else 0)

    def test_a_home_that_does_not_exist(self):
        self.compiles("/nonexistent", 1)
        self.compiles("/dev/null/home", 1)

    def test_a_home_that_cannot_be_written(self):
        with tempfile.TemporaryDirectory() as home:
            os.chmod(home, 0o555)
            self.compiles(home, 1)

    def test_a_cache_that_cannot_be_written(self):
        with tempfile.TemporaryDirectory() as home:
            cache = pathlib.Path(home, ".cache/wasmtime")
            cache.mkdir(parents=True)
            for folder in (cache, cache.parent, cache.parent.parent):
                folder.chmod(0o555)
            try:
                self.compiles(home, 0)
            finally:
                for folder in (cache.parent.parent, cache.parent, cache):
                    folder.chmod(0o755)


ENDLESS = """
import sys, threading, time
import ilk_plugin
from guests import LOOP, STEP, module

plugin = ilk_plugin.Plugin(module("i32.const 1", STEP.format(LOOP)))
session = ilk_plugin.Session(plugin, user="user", item="item")
print("ready", flush=True)
try:
    session.step()
except KeyboardInterrupt:
    begin = time.process_time()
    time.sleep(0.5)
    # Nothing computes any more.
    print("idle" if time.process_time() - begin < 0.25 else "busy", flush=True)
try:
    session.step()
except ilk_plugin.Ended:
    print("ended", flush=True)
"""


@unittest.skipIf(sys.platform == "win32", "this system has no SIGINT to send")
class Interrupts(unittest.TestCase):
    def test_an_endless_plugin_stops_at_ctrl_c(self):
        command = [sys.executable, "-c", ENDLESS]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, stdout=pipe, stderr=pipe, text=True, cwd=pathlib.Path(__file__).parent
        ) as process:
            self.assertEqual(process.stdout.readline(), "ready\n")
            # Within the call by then.
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            try:
                out, err = process.communicate(timeout=60)
            finally:
                process.kill()
        self.assertEqual((process.returncode, out, err), (0, "idle\nended\n", ""))

    def test_other_signals_are_handled_while_a_plugin_runs(self):
        class Late(Exception):
            pass

        handled = []

        def handle(*_):
            handled.append(True)
            if len(handled) == 2:
                raise Late

        before = signal.signal(signal.SIGALRM, handle)
        try:
            plugin = ilk_plugin.Plugin(module("i32.const 1", STEP.format(LOOP)))
            session = ilk_plugin.Session(plugin, user="user", item="item")
            signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)
            # A handler that returns stops nothing.
            with self.assertRaises(Late):
                session.step()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        self.assertEqual(len(handled), 2)

    def test_deadlines_hold_in_other_threads_too(self):
        plugin = ilk_plugin.Plugin(module(LOOP), ilk_plugin.Limits(deadline=0.3))
        errors = []

        def run():
            try:
                ilk_plugin.Session(plugin, user="user", item="item")
            except ilk_plugin.PluginError as error:
                errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join(20)
        self.assertIsInstance(errors[0], ilk_plugin.Deadline)

    def test_only_own_plugins_are_compiled_without_checks(self):
        own = ilk_plugin.load()
        path = pathlib.Path(ilk_plugin.__file__).parent / "ilk.module.wasm"
        self.assertFalse(own.is_interruptible)
        self.assertFalse(ilk_plugin.load(path).is_interruptible)
        self.assertTrue(ilk_plugin.load(deadline=5).is_interruptible)
        self.assertTrue(ilk_plugin.Plugin(module("i32.const 1")).is_interruptible)
        self.assertFalse(ilk_plugin.Plugin(module("i32.const 1"), interruptible=False).is_interruptible)


if __name__ == "__main__":
    unittest.main()
