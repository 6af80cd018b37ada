"""The sandbox: the plugin's code, instances of it, and calls over linear memory.

The plugin is the core-module build, because wasmtime's Python package hands component lists over
element by element. Its calls are described in `docs/plugin.md`.
"""

import dataclasses
import functools
import importlib.resources
import json
import math
import numbers
import operator
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy
import wasmtime

from ilk_plugin.checks import check_whole, size
from ilk_plugin.errors import (
    BadOutput,
    Busy,
    Deadline,
    Ended,
    IncompatibleInterface,
    OutOfFuel,
    OutOfMemory,
    Refused,
    Trapped,
    Unreadable,
)

P = ParamSpec("P")
R = TypeVar("R")

ABI = 1
TICK = 0.01
PLUGIN_BYTES = 64 << 20
MEMORY_BYTES = 1 << 32
SECONDS = 1e9
# How many numbers each call takes. Those of NEEDED every plugin has; others are looked for when used.
NEEDED = {"ilk_abi": 0, "ilk_alloc": 1, "ilk_answer": 0, "ilk_answer_length": 0}
CALLS = NEEDED | {
    "ilk_costs": 2,
    "ilk_hashes": 4,
    "ilk_job": 2,
    "ilk_merge": 3,
    "ilk_session_add": 3,
    "ilk_session_close": 1,
    "ilk_session_next": 1,
    "ilk_session_notes": 1,
    "ilk_session_open": 2,
    "ilk_session_step": 1,
    "ilk_tiles_close": 1,
    "ilk_tiles_columns": 7,
    "ilk_tiles_columns_of_rows": 3,
    "ilk_tiles_compute": 3,
    "ilk_tiles_open": 6,
    "ilk_tiles_rows": 7,
    "ilk_weigh": 8,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of each session or comparison."""

    memory_bytes: int = 1 << 30
    """Maximum memory in bytes, at most 4 GiB."""
    deadline: float | None = None
    """Maximum seconds from start to the end of the last call."""
    fuel: int | None = None
    """Maximum units of work, about one per instruction."""

    def __post_init__(self):
        # The sandbox itself takes what is too large or negative for "no limit".
        check_whole("limit", "memory_bytes", self.memory_bytes, 1, MEMORY_BYTES)
        if self.fuel is not None:
            check_whole("limit", "fuel", self.fuel, 0, (1 << 64) - 1)
        seconds = self.deadline
        if seconds is not None and not (isinstance(seconds, numbers.Real) and 0 <= seconds <= SECONDS):
            raise Refused("limit", f"deadline is {seconds!r}; give seconds from 0 to {SECONDS:.0f}, or None")


class Plugin:
    """The plugin's code, compiled once, for any number of sessions and threads."""

    def __init__(self, wasm: bytes, limits: Limits = Limits(), *, name: str = "plugin"):
        self.name = name
        self.limits = limits
        config = wasmtime.Config()
        # What keeps a deadline slows a plugin down.
        config.epoch_interruption = limits.deadline is not None
        config.consume_fuel = limits.fuel is not None
        # Compiled code is kept in the user's cache, by content and engine.
        config.cache = True
        config.parallel_compilation = os.getpid() == _first_process()
        self._engine = wasmtime.Engine(config)
        try:
            self._module = wasmtime.Module(self._engine, wasm)
        except wasmtime.WasmtimeError as error:
            raise IncompatibleInterface(f"{name} is not a valid plugin: {_line(error)}") from None
        imports = [f"{entry.module}.{entry.name}" for entry in self._module.imports]
        if imports:
            raise IncompatibleInterface(
                f"{name} imports {', '.join(imports)}; a plugin may not import anything"
            )
        exports = {entry.name: entry.type for entry in self._module.exports}
        self.exports = frozenset(exports)
        if wrong := _misfits(exports):
            raise IncompatibleInterface(
                f"{name} lacks exports of Ilk's core module, or has others by the same names "
                f"({', '.join(wrong)}); use ilk.module.wasm, built by `cargo xtask plugin`"
            )
        if limits.deadline is not None:
            _keep_time(self._engine)


@functools.cache
def _first_process() -> int:
    """The process that compiled first. Its compiling threads do not come along into children that
    it forks, which would wait for them for ever."""
    return os.getpid()


def _misfits(exports: dict) -> list[str]:
    """Names the exports that are missing, or are not what they are called."""
    memory = exports.get("memory")
    wrong = [] if isinstance(memory, wasmtime.MemoryType) and not memory.is_shared else ["memory"]
    wrong += [call for call in NEEDED if call not in exports]
    return wrong + [call for call in CALLS if call in exports and not _is_call(call, exports[call])]


def _is_call(name: str, kind) -> bool:
    number = wasmtime.ValType.i32()
    gives = [] if name.endswith("_close") else [number]
    return (
        isinstance(kind, wasmtime.FuncType)
        and kind.params == [number] * CALLS[name]
        and kind.results == gives
    )


def wasm_of(path: str | os.PathLike | None) -> bytes:
    """Reads the plugin of this package, or that of a file."""
    if path is None:
        file = importlib.resources.files("ilk_plugin") / "ilk.module.wasm"
        if not file.is_file():
            raise IncompatibleInterface(
                "the package contains no plugin: run `cargo xtask plugin` and reinstall it, or "
                "name the file of one"
            )
        return file.read_bytes()
    try:
        length = os.path.getsize(path)
        if length > PLUGIN_BYTES:
            raise IncompatibleInterface(
                f"{path} has {size(length)}; a plugin has at most {size(PLUGIN_BYTES)}"
            )
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path, error: OSError) -> Unreadable:
    return Unreadable(
        f"cannot read the plugin {path}: {error.strerror}; name a file built by `cargo xtask plugin`"
    )


@functools.lru_cache(maxsize=8)
def _load(path: str | None, stamp, limits: Limits) -> Plugin:
    return Plugin(wasm_of(path), limits, name=str(path or "ilk.module.wasm"))


def load(
    path: str | os.PathLike | None = None,
    *,
    memory_bytes: int = Limits.memory_bytes,
    deadline: float | None = Limits.deadline,
    fuel: int | None = Limits.fuel,
) -> Plugin:
    """Loads the plugin of this package, or that of a file. Loading it again is free. The limits
    are those of `Limits`."""
    limits = Limits(memory_bytes=memory_bytes, deadline=deadline, fuel=fuel)
    stamp = None
    if path is not None:
        path = os.path.abspath(path)
        try:
            status = os.stat(path)
        except OSError as error:
            raise _unreadable(path, error) from None
        stamp = (status.st_mtime_ns, status.st_size)
    return _load(path, stamp, limits)


def plugin_of(plugin) -> Plugin:
    """Returns a plugin that is given as one, as the path of its file, or not at all."""
    if isinstance(plugin, Plugin):
        return plugin
    if plugin is None or isinstance(plugin, str | os.PathLike):
        return load(plugin)
    raise Refused("setting", f"plugin is a {type(plugin).__name__}; give what `load` returns, or a path")


_timed = weakref.WeakSet()


def _keep_time(engine: wasmtime.Engine) -> None:
    _timed.add(engine)
    _start_clock(engine)


def _start_clocks() -> None:
    for engine in list(_timed):
        _start_clock(engine)


# Threads stay behind when a process forks, and deadlines would not hold in its children.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_clocks)


def _start_clock(engine: wasmtime.Engine) -> None:
    """Ticks for as long as the engine is there."""
    reference = weakref.ref(engine)

    def tick():
        while (engine := reference()) is not None:
            engine.increment_epoch()
            del engine
            time.sleep(TICK)

    threading.Thread(target=tick, name="plugin-clock", daemon=True).start()


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:400]


def alone(method: Callable[P, R]) -> Callable[P, R]:
    """Refuses a method to a second thread while one is in the instance: two in its memory could crash
    the process. The method's object has the instance's `lock`."""

    @functools.wraps(method)
    def run(self, *arguments, **named):
        if not self.lock.acquire(blocking=False):
            raise Busy(
                f"{method.__name__} was called while another thread uses the same session or "
                "comparison; give each thread its own"
            )
        try:
            return method(self, *arguments, **named)
        finally:
            self.lock.release()

    return run


class Instance:
    """One instance of a plugin, with all that `Limits` gives. Of two threads at once the second is
    refused as `Busy`."""

    def __init__(self, plugin: Plugin):
        limits = plugin.limits
        self.lock = threading.RLock()
        self._limits = limits
        self._name = plugin.name
        self._store = wasmtime.Store(plugin._engine)
        self._store.set_limits(memory_size=int(limits.memory_bytes), instances=1, memories=1, tables=4)
        self._end = None if limits.deadline is None else time.monotonic() + limits.deadline
        self._has_failed = False
        if limits.fuel is not None:
            self._store.set_fuel(int(limits.fuel))
        self._memory = None
        instance = self._guarded(
            "instantiate", lambda: wasmtime.Instance(self._store, plugin._module, [])
        )
        self._exports = instance.exports(self._store)
        self._names = plugin.exports
        self._memory = self._exports["memory"]
        version = self.number("ilk_abi")
        if version != ABI:
            raise IncompatibleInterface(
                f"{plugin.name} has version {version} of the interface; version {ABI} is required"
            )

    @alone
    def number(self, function: str, *arguments: int) -> int:
        """Makes a call that returns a number, or nothing and then 0."""
        if function not in self._names:
            raise IncompatibleInterface(
                f"{self._name} lacks {function}: it is older than this package, or not a plugin of "
                "Ilk; use the one that `cargo xtask plugin` builds for this package"
            )
        signed = [_signed(number) for number in arguments]
        number = self._guarded(function, lambda: self._exports[function](self._store, *signed))
        return (number or 0) & 0xFFFF_FFFF

    @alone
    def call(self, function: str, *arguments: int) -> int:
        """Makes a call that may refuse; returns its handle."""
        handle = self.number(function, *arguments)
        if handle == 0:
            failure = self.json()
            if not isinstance(failure, dict) or "message" not in failure:
                raise self.nonsense(function, "a failure without a message")
            self._has_failed = True
            raise Refused(str(failure.get("code")), str(failure["message"]))
        return handle

    @alone
    def answer(self) -> numpy.ndarray:
        """Copies the last call's answer."""
        length = self.number("ilk_answer_length")
        if length == 0:
            return numpy.empty(0, dtype=numpy.uint8)
        return self._view(self.number("ilk_answer"), length).copy()

    def json(self):
        """Reads the last call's answer."""
        try:
            return json.loads(self.answer().tobytes())
        except ValueError as error:
            raise self.nonsense("ilk_answer", _line(error)) from None

    @alone
    def put(self, data) -> tuple[int, int]:
        """Copies bytes or an array into the instance; returns address and bytes. The call that it
        is handed to takes it."""
        view = numpy.frombuffer(memoryview(data).cast("B"), dtype=numpy.uint8)
        address = self.number("ilk_alloc", len(view))
        if address == 0:
            self._has_failed = True
            raise OutOfMemory(
                f"the plugin cannot take {size(len(view))} more: its memory is limited to "
                f"{size(self._limits.memory_bytes)}; raise memory_bytes, or reduce the data"
            )
        if len(view):
            self._view(address, len(view))[:] = view
        return address, len(view)

    def _view(self, address: int, length: int) -> numpy.ndarray:
        if address + length > self._memory.data_len(self._store):
            raise self.nonsense("ilk_answer", f"{length} bytes at {address}, past its memory")
        buffer = self._memory.get_buffer_ptr(self._store, length, address)
        return numpy.frombuffer(buffer, dtype=numpy.uint8)

    def nonsense(self, function: str, why: str) -> BadOutput:
        """Ends the instance; returns the error that says why."""
        self._has_failed = True
        return BadOutput(f"the plugin returned invalid data from {function}: {why}")

    def _guarded(self, function: str, run):
        if self._has_failed:
            raise Ended(f"{function} was called after an earlier call failed; start over")
        if self._end is not None:
            left = self._end - time.monotonic()
            if left <= 0:
                self._has_failed = True
                raise self._late(function)
            self._store.set_epoch_deadline(math.floor(left / TICK) + 1)
        try:
            return run()
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            self._has_failed = True
            raise self._explain(function, error) from None

    def _late(self, function: str) -> Deadline:
        return Deadline(
            f"the plugin was stopped in {function} at its deadline of {self._limits.deadline} s"
        )

    def _explain(self, function: str, error: Exception) -> Exception:
        code = getattr(error, "trap_code", None)
        if code == wasmtime.TrapCode.INTERRUPT:
            return self._late(function)
        if code == wasmtime.TrapCode.OUT_OF_FUEL or "fuel" in str(error):
            return OutOfFuel(f"the plugin exceeded its limit of {self._limits.fuel} units of fuel")
        used = 0 if self._memory is None else self._memory.data_len(self._store)
        # Allocations double: who asks for more than there is has half of it at least.
        if used > self._limits.memory_bytes // 2 or "memory" in str(error) and used == 0:
            return OutOfMemory(
                f"the plugin failed in {function} with {size(used)} of {size(self._limits.memory_bytes)} "
                "in use; raise memory_bytes, or reduce the data"
            )
        cause = _line(str(error).rpartition("Caused by:")[2])
        return Trapped(f"the plugin failed in {function}: {cause}")


def _signed(number: int) -> int:
    """Turns an unsigned number of 32 bits into what calls take."""
    number = operator.index(number)
    if not 0 <= number < 1 << 32:
        raise ValueError(f"{number} is not a whole number from 0 to 2**32 - 1")
    return number - (1 << 32) if number >= 1 << 31 else number
