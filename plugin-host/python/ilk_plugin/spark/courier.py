"""The plugin's way to the executors, and what it finds there."""

import functools
import hashlib
import importlib.metadata
import os
import re
import socket
import tempfile

from ilk_plugin.errors import PluginError, Refused
from ilk_plugin.sandbox import Instance, Limits, Plugin, wasm_of
from ilk_plugin.spark.errors import TaskError

VERSION = importlib.metadata.version("ilk-plugin")
# What the driver leaves in the folder that all share before any task begins.
JOB = "ilk.json"


class Courier:
    """Names a plugin that travels with the application. Travels with tasks."""

    def __init__(self, spark, path: str | None, memory_bytes: int):
        wasm = wasm_of(path)
        self.version = VERSION
        self.limits = Limits(memory_bytes=memory_bytes)
        self.digest = hashlib.sha256(wasm).hexdigest()
        # Compiled here, a file that is no plugin is refused before it travels.
        self.plugin = Plugin(wasm, self.limits, name=str(path or "ilk.module.wasm"))
        self.name = f"ilk-{self.digest[:16]}.wasm"
        spark.addArtifacts(_parcel(self.name, wasm), file=True)

    def __getstate__(self):
        kept = ("version", "name", "digest", "limits")
        return {name: getattr(self, name) for name in kept}

    def instance(self) -> Instance:
        """An instance on this executor, the same for all tasks of a worker."""
        return _instance(self.name, self.digest, self.limits)

    def compiled(self) -> Plugin:
        """The plugin on this executor, for an instance that gives its memory back."""
        return _compiled(self.name, self.digest, self.limits)


@functools.lru_cache(maxsize=8)
def _parcel_of(name: str, wasm: bytes) -> tempfile.TemporaryDirectory:
    folder = tempfile.TemporaryDirectory(prefix="ilk-plugin-")
    with open(os.path.join(folder.name, name), "wb") as sink:
        sink.write(wasm)
    return folder


def _parcel(name: str, wasm: bytes) -> str:
    """The plugin as a file that stays: executors fetch it when they first need it, and again."""
    return os.path.join(_parcel_of(name, wasm).name, name)


@functools.lru_cache(maxsize=1)
def _instance(name: str, digest: str, limits: Limits) -> Instance:
    return Instance(_compiled(name, digest, limits))


@functools.lru_cache(maxsize=1)
def _compiled(name: str, digest: str, limits: Limits) -> Plugin:
    from pyspark import SparkFiles

    # Executors name it from the folder that they run in.
    path = os.path.abspath(SparkFiles.get(name))
    fix = (
        "it is sent with SparkContext.addFile; start the application again, and exclude "
        f"{os.path.dirname(path)} from cleanup jobs"
    )
    try:
        with open(path, "rb") as file:
            wasm = file.read()
    except OSError:
        raise PluginError(f"the plugin {name} is missing at {path}; {fix}") from None
    if hashlib.sha256(wasm).hexdigest() != digest:
        raise PluginError(f"{path} is not the plugin that was sent; {fix}")
    # Spark stops a task with its process.
    return Plugin(wasm, limits, name=name, interruptible=False)


def forget() -> None:
    """Drops this worker's instance, which failed."""
    _instance.cache_clear()


def task(what: str, run):
    """Runs a part of a task; whatever goes wrong is told in one line that names it."""
    try:
        return run()
    except TaskError:
        raise
    except PluginError as error:
        forget()
        raise TaskError(what, str(error)) from None
    except (OSError, ValueError, MemoryError) as error:
        raise TaskError(what, str(error) or type(error).__name__) from error


def check(courier: Courier, storage) -> None:
    """Checks that what is here is what the driver has: package, plugin and folder."""
    if VERSION != courier.version:
        raise PluginError(
            f"ilk-plugin is version {VERSION} there and {courier.version} on the driver; "
            f"`pip install ilk-plugin=={courier.version}` into the Python that executors run"
        )
    courier.compiled()
    if not storage.has(JOB):
        raise PluginError(
            f"the folder {storage} is not the driver's; `checkpoint` or `scratch` must "
            "name a folder that the driver and all executors share"
        )


def look_around(courier: Courier, storage):
    """Makes what the first job of many tasks runs on every executor: are package, plugin and folder
    there?"""

    def look(batches):
        # Found where the function runs, so that a package that is missing gives no trace of it.
        import pyarrow

        from ilk_plugin.spark import courier as here

        for batch in batches:
            here.task("checking the executor", lambda: here.check(courier, storage))
            yield pyarrow.RecordBatch.from_pydict({"place": [here.place()] * len(batch)})

    return look


def place() -> str:
    """Names this executor by its host and the folder of its files."""
    from pyspark import SparkFiles

    return f"{socket.gethostname()} {os.path.abspath(SparkFiles.getRootDirectory())}"


def cache() -> str:
    """The folder of blocks that were fetched, one for each executor."""
    from pyspark import SparkFiles

    return os.path.join(SparkFiles.getRootDirectory(), "ilk-blocks")


def storage_of(spark, place: str | None) -> str:
    """The folder to work in; refuses a cluster that shares none."""
    if place is not None:
        return place
    if not re.match(r"local(\[|$)", spark.conf.get("spark.master", "")):
        raise Refused(
            "storage",
            "the executors may be on other machines: name a folder that the driver and all of "
            "them share, as in scratch='hdfs:///tmp/ilk' or scratch='/mnt/shared/ilk'",
        )
    return tempfile.gettempdir()
