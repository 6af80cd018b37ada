"""The sandbox: the plugin's code, instances of it, and calls over linear memory.

The plugin is the core-module build, because wasmtime's Python package hands component lists over
element by element. Its calls are described in `docs/plugin.md`.
"""

import concurrent.futures
import ctypes
import dataclasses
import functools
import importlib.resources
import json
import logging
import numbers
import operator
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import numpy
import wasmtime
from numpy.typing import NDArray
from wasmtime import _ffi

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
LOG = logging.getLogger("ilk_plugin")
Path = str | os.PathLike[str]

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
    "ilk_times": 6,
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

    def __post_init__(self) -> None:
        # The sandbox itself takes what is too large or negative for "no limit".
        check_whole("limit", "memory_bytes", self.memory_bytes, 1, MEMORY_BYTES)
        if self.fuel is not None:
            check_whole("limit", "fuel", self.fuel, 0, (1 << 64) - 1)
        seconds = self.deadline
        if seconds is not None and not (isinstance(seconds, numbers.Real) and 0 <= float(seconds) <= SECONDS):
            raise Refused("limit", f"deadline is {seconds!r}; give seconds from 0 to {SECONDS:.0f}, or None")


class Plugin:
    """The plugin's code, compiled once, for any number of sessions and threads."""

    def __init__(
        self,
        wasm: bytes,
        limits: Limits = Limits(),
        *,
        name: str = "plugin",
        interruptible: bool | None = None,
    ) -> None:
        """`interruptible`: whether calls can be stopped while they run, as by Ctrl-C, which costs a
        quarter of the speed. Default: with a deadline, and for plugins other than the package's own,
        whose calls are short."""
        self.name = name
        self.limits = limits
        if interruptible is None:
            interruptible = wasm != _own_wasm()
        self.is_interruptible = interruptible or limits.deadline is not None
        config = wasmtime.Config()
        config.epoch_interruption = self.is_interruptible
        config.consume_fuel = limits.fuel is not None
        config.parallel_compilation = os.getpid() == _first_process()
        _use_cache(config)
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
        if self.is_interruptible:
            _keep_time(self._engine)


def _use_cache(config: wasmtime.Config) -> None:
    """Keeps compiled code in the user's cache, by content and engine, if that can be written."""
    try:
        config.cache = True
    except wasmtime.WasmtimeError as error:
        LOG.debug("plugins are compiled each time, for want of a cache: %s", _line(error))


@functools.cache
def _first_process() -> int:
    """The process that compiled first. Its compiling threads do not come along into children that
    it forks, which would wait for them for ever."""
    return os.getpid()


def _misfits(exports: Mapping[str, object]) -> list[str]:
    """Names the exports that are missing, or are not what they are called."""
    memory = exports.get("memory")
    wrong = [] if isinstance(memory, wasmtime.MemoryType) and not memory.is_shared else ["memory"]
    wrong += [call for call in NEEDED if call not in exports]
    return wrong + [call for call in CALLS if call in exports and not _is_call(call, exports[call])]


def _is_call(name: str, kind: object) -> bool:
    number = wasmtime.ValType.i32()
    gives = [] if name.endswith("_close") else [number]
    return (
        isinstance(kind, wasmtime.FuncType)
        and kind.params == [number] * CALLS[name]
        and kind.results == gives
    )


@functools.cache
def _own_wasm() -> bytes | None:
    file = importlib.resources.files("ilk_plugin") / "ilk.module.wasm"
    return file.read_bytes() if file.is_file() else None


def wasm_of(path: Path | None) -> bytes:
    """Reads the plugin of this package, or that of a file."""
    if path is None:
        wasm = _own_wasm()
        if wasm is None:
            raise IncompatibleInterface(
                "the package contains no plugin: run `cargo xtask plugin` and reinstall it, or "
                "name the file of one"
            )
        return wasm
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


def _unreadable(path: Path, error: OSError) -> Unreadable:
    return Unreadable(
        f"cannot read the plugin {path}: {error.strerror}; name a file built by `cargo xtask plugin`"
    )


@functools.lru_cache(maxsize=8)
def _load(path: str | None, stamp: tuple[int, int] | None, limits: Limits) -> Plugin:
    return Plugin(wasm_of(path), limits, name=str(path or "ilk.module.wasm"))


def load(
    path: Path | None = None,
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


def plugin_of(plugin: Plugin | Path | None) -> Plugin:
    """Returns a plugin that is given as one, as the path of its file, or not at all."""
    if isinstance(plugin, Plugin):
        return plugin
    if plugin is None or isinstance(plugin, str | os.PathLike):
        return load(plugin)
    raise Refused("setting", f"plugin is a {type(plugin).__name__}; give what `load` returns, or a path")


_timed: weakref.WeakSet[wasmtime.Engine] = weakref.WeakSet()


def _keep_time(engine: wasmtime.Engine) -> None:
    _timed.add(engine)
    _start_clock(engine)


def _start_threads() -> None:
    _helper.cache_clear()
    for engine in list(_timed):
        _start_clock(engine)


# Threads stay behind when a process forks, and deadlines would not hold in its children.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_threads)


def _start_clock(engine: wasmtime.Engine) -> None:
    """Ticks for as long as the engine is there."""
    reference = weakref.ref(engine)

    def tick() -> None:
        while (engine := reference()) is not None:
            engine.increment_epoch()
            del engine
            time.sleep(TICK)

    threading.Thread(target=tick, name="plugin-clock", daemon=True).start()


def _line(error: object) -> str:
    return " ".join(str(error).split())[:400]


class _Locked(Protocol):
    lock: threading.RLock


S = TypeVar("S", bound=_Locked)


def alone(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Refuses a method to a second thread while one is in the instance: two in its memory could crash
    the process. The method's object has the instance's `lock`."""

    def run(self: S, /, *arguments: P.args, **named: P.kwargs) -> R:
        if not self.lock.acquire(blocking=False):
            raise Busy(
                f"{method.__name__} was called while another thread uses the same session or "
                "comparison; give each thread its own"
            )
        try:
            return method(self, *arguments, **named)
        finally:
            self.lock.release()

    functools.update_wrapper(run, method)
    return run


class Instance:
    """One instance of a plugin, with all that `Limits` gives. Of two threads at once the second is
    refused as `Busy`."""

    def __init__(self, plugin: Plugin) -> None:
        limits = plugin.limits
        self.lock = threading.RLock()
        self._limits = limits
        self._name = plugin.name
        self._store = wasmtime.Store(plugin._engine)
        self._store.set_limits(memory_size=int(limits.memory_bytes), instances=1, memories=1, tables=4)
        self._watch = _Watch(self._store, limits.deadline) if plugin.is_interruptible else None
        self._has_failed = False
        if limits.fuel is not None:
            self._store.set_fuel(int(limits.fuel))
        self._memory: Any = None
        instance = self._guarded(
            "instantiate", lambda: wasmtime.Instance(self._store, plugin._module, [])
        )
        self._exports: Any = instance.exports(self._store)
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
        return int(number or 0) & 0xFFFF_FFFF

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
    def answer(self) -> NDArray[numpy.uint8]:
        """Copies the last call's answer."""
        length = self.number("ilk_answer_length")
        if length == 0:
            return numpy.empty(0, dtype=numpy.uint8)
        return self._view(self.number("ilk_answer"), length).copy()

    def json(self) -> Any:
        """Reads the last call's answer."""
        try:
            return json.loads(self.answer().tobytes())
        except ValueError as error:
            raise self.nonsense("ilk_answer", _line(error)) from None

    @alone
    def put(self, data: bytes | NDArray[Any]) -> tuple[int, int]:
        """Copies bytes or an array into the instance; returns address and bytes. The call that it
        is handed to takes it."""
        view = numpy.frombuffer(data, dtype=numpy.uint8)
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

    def _view(self, address: int, length: int) -> NDArray[numpy.uint8]:
        if address + length > self._memory.data_len(self._store):
            raise self.nonsense("ilk_answer", f"{length} bytes at {address}, past its memory")
        buffer = self._memory.get_buffer_ptr(self._store, length, address)
        return numpy.frombuffer(buffer, dtype=numpy.uint8)

    def nonsense(self, function: str, why: str) -> BadOutput:
        """Ends the instance; returns the error that says why."""
        self._has_failed = True
        return BadOutput(f"the plugin returned invalid data from {function}: {why}")

    def _guarded(self, function: str, run: Callable[[], R]) -> R:
        if self._has_failed:
            raise Ended(f"{function} was called after an earlier call failed or was interrupted; start over")
        if self._watch is not None and self._watch.is_late():
            self._has_failed = True
            raise self._late(function)
        try:
            return run() if self._watch is None else self._watch.over(run)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            self._has_failed = True
            raise self._explain(function, error) from None
        except BaseException:
            # The call was stopped wherever it was.
            self._has_failed = True
            raise

    def _late(self, function: str) -> Deadline:
        return Deadline(
            f"the plugin was stopped in {function} at its deadline of {self._limits.deadline} s"
        )

    def _explain(self, function: str, error: Exception) -> Exception:
        code = getattr(error, "trap_code", None)
        if STOPPED in str(error):
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


@dataclasses.dataclass
class _Bounds:
    """When a call is to stop."""

    end: float | None
    is_stopped: bool = False

    def is_late(self) -> bool:
        return self.end is not None and time.monotonic() >= self.end


class _Watch:
    """Stops calls: at the deadline, and when a signal raises, as Ctrl-C does."""

    def __init__(self, store: wasmtime.Store, deadline: float | None) -> None:
        self._store = store
        self._bounds = _Bounds(None if deadline is None else time.monotonic() + deadline)
        # wasmtime-py has no method for this. The function must live as long as the store.
        self._check = _check_of(self._bounds)
        _ffi.wasmtime_store_epoch_deadline_callback(store.ptr(), self._check, None, _NO_FINALIZER)

    def is_late(self) -> bool:
        """Returns true once the deadline has passed."""
        return self._bounds.is_late()

    def over(self, run: Callable[[], R]) -> R:
        """Makes a call that can be stopped."""
        self._store.set_epoch_deadline(1)
        if threading.current_thread() is not threading.main_thread():
            return run()
        # Python handles signals in its main thread only, which therefore stays out of the plugin.
        call = _helper().submit(run)
        try:
            return _awaited(call)
        finally:
            # Nothing is left to stop, unless a signal raised.
            self._bounds.is_stopped = True
            concurrent.futures.wait([call])
            self._bounds.is_stopped = False


def _awaited(call: concurrent.futures.Future[R]) -> R:
    has_ended = threading.Event()
    call.add_done_callback(lambda _: has_ended.set())
    # On Windows a wait without a limit cannot be interrupted.
    while not has_ended.wait(0.1):
        pass
    return call.result()


@functools.cache
def _helper() -> concurrent.futures.Executor:
    """The thread that makes the main thread's calls."""
    return concurrent.futures.ThreadPoolExecutor(1, "plugin-call")


STOPPED = "the call was stopped by its host"
_CONTINUE = 0
_CHECK = ctypes.CFUNCTYPE(
    ctypes.c_size_t,
    ctypes.POINTER(_ffi.wasmtime_context_t),
    ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_uint64),
    ctypes.POINTER(_ffi.wasmtime_update_deadline_kind_t),
)
_NO_FINALIZER = ctypes.cast(0, ctypes.CFUNCTYPE(None, ctypes.c_void_p))


def _check_of(bounds: _Bounds) -> Any:
    """Makes the function that the plugin's code calls at every tick; an error ends the call."""

    def check(_context: object, _data: object, ticks: Any, kind: Any) -> int:
        if bounds.is_stopped or bounds.is_late():
            error = _ffi.wasmtime_error_new(STOPPED.encode())
            return ctypes.cast(error, ctypes.c_void_p).value or 0
        ticks[0], kind[0] = 1, _CONTINUE
        return 0

    return _CHECK(check)


def _signed(number: int) -> int:
    """Turns an unsigned number of 32 bits into what calls take."""
    number = operator.index(number)
    if not 0 <= number < 1 << 32:
        raise ValueError(f"{number} is not a whole number from 0 to 2**32 - 1")
    return number - (1 << 32) if number >= 1 << 31 else number
