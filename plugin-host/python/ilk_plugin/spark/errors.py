"""Errors of a cluster, in one line each."""

import json
import re

from ilk_plugin.errors import PluginError

MARK = "ilk-task-failed:"
EXECUTOR = re.compile(r"\(TID \d+\) \((\S+) executor (\S+?)\)")
MODULE = re.compile(r"No module named '([\w.]+)'")


class TaskFailed(PluginError):
    """A task failed, also when retried. The message names the task, the executor and the fix."""


class TaskError(Exception):
    """What a task says on its way to the driver: one line of JSON that survives Spark's traces."""

    def __init__(self, what: str, message: str):
        super().__init__(MARK + json.dumps({"what": what, "message": message}))


def explained(error: Exception) -> Exception:
    """Turns what Spark raised into one line, if it comes from a task of ours."""
    # Which executor it was, only Java's trace tells.
    text = f"{error}\n{getattr(error, '_stackTrace', '')}"
    executor = "an executor"
    if found := EXECUTOR.search(text):
        host, number = found.groups()
        executor = "the driver's own executor" if number == "driver" else f"executor {number} on {host}"
    if MARK in text:
        # JSON ends where its decoder says; Java's trace follows.
        said, _ = json.JSONDecoder().raw_decode(text, text.index(MARK) + len(MARK))
        return TaskFailed(f"{said['what']} failed on {executor}: {said['message']}")
    if found := MODULE.search(text):
        package = found[1].partition(".")[0]
        if package in ("ilk_plugin", "wasmtime", "numpy", "pyarrow"):
            return TaskFailed(
                f"{executor} has no package {package}: `pip install` the driver's version of ilk-plugin "
                "into the Python of the executors (spark.pyspark.python)"
            )
    return error
