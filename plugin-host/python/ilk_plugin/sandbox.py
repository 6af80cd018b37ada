"""The sandbox: the plugin's code, instances of it, and calls over linear memory.

The plugin is the core-module build, because wasmtime's Python package hands component lists over
element by element. Its calls are described in `docs/plugin.md`.
"""

import dataclasses
import functools
import importlib.resources
import json
import math
import os
import threading
import time
import weakref

import numpy
import wasmtime

from ilk_plugin.errors import (
    BadOutput,
    Deadline,
    IncompatibleInterface,
    OutOfFuel,
    OutOfMemory,
    Refused,
    Trapped,
)

ABI = 1
TICK = 0.01
PLUGIN_BYTES = 64 << 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """What each session or comparison may take."""

    memory_bytes: int = 1 << 30
    """Bytes of memory, at most 4 GiB."""
    deadline: float | None = None
    """Seconds from its beginning to the end of its last call."""
    fuel: int | None = None
    """Units of work, about one per instruction."""


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
        self._engine = wasmtime.Engine(config)
        try:
            self._module = wasmtime.Module(self._engine, wasm)
        except wasmtime.WasmtimeError as error:
            raise IncompatibleInterface(f"{name} is no plugin: {_line(error)}") from None
        imports = [f"{entry.module}.{entry.name}" for entry in self._module.imports]
        if imports:
            raise IncompatibleInterface(
                f"{name} imports {', '.join(imports)}; a plugin gets nothing from outside"
            )
        self.exports = frozenset(entry.name for entry in self._module.exports)
        if not {"memory", "ilk_abi", "ilk_alloc", "ilk_answer"} <= self.exports:
            raise IncompatibleInterface(
                f"{name} lacks the calls of Ilk's core module; take ilk.module.wasm, which "
                "`cargo xtask plugin` builds"
            )
        if limits.deadline is not None:
            _keep_time(self._engine)


def wasm_of(path: str | os.PathLike | None) -> bytes:
    """Reads the plugin of this package, or that of a file."""
    if path is None:
        file = importlib.resources.files("ilk_plugin") / "ilk.module.wasm"
        if not file.is_file():
            raise IncompatibleInterface(
                "the package has no plugin in it: run `cargo xtask plugin` and install it again, "
                "or name one"
            )
        return file.read_bytes()
    size = os.path.getsize(path)
    if size > PLUGIN_BYTES:
        raise IncompatibleInterface(
            f"{path} has {size} bytes, and plugins may have {PLUGIN_BYTES}"
        )
    with open(path, "rb") as file:
        return file.read()


@functools.lru_cache(maxsize=8)
def _load(path: str | None, stamp, limits: Limits) -> Plugin:
    return Plugin(wasm_of(path), limits, name=str(path or "ilk.module.wasm"))


def load(path: str | os.PathLike | None = None, **limits) -> Plugin:
    """Loads a plugin: the one in this package, or that of a file. The same one again costs
    nothing. The limits are those of `Limits`."""
    stamp = None
    if path is not None:
        path = os.path.abspath(path)
        status = os.stat(path)
        stamp = (status.st_mtime_ns, status.st_size)
    return _load(path, stamp, Limits(**limits))


def _keep_time(engine: wasmtime.Engine) -> None:
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


class Instance:
    """One instance of a plugin, with all that `Limits` gives. Not for two threads at once."""

    def __init__(self, plugin: Plugin):
        limits = plugin.limits
        self._limits = limits
        self._store = wasmtime.Store(plugin._engine)
        self._store.set_limits(memory_size=limits.memory_bytes, instances=1, memories=1, tables=4)
        self._end = None if limits.deadline is None else time.monotonic() + limits.deadline
        self._has_failed = False
        if limits.fuel is not None:
            self._store.set_fuel(limits.fuel)
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
                f"{plugin.name} speaks version {version} of the calls, wanted is {ABI}"
            )

    def has(self, function: str) -> bool:
        """Tells whether the plugin has a call."""
        return function in self._names

    def number(self, function: str, *arguments: int) -> int:
        """Makes a call that returns a number."""
        return self._guarded(
            function,
            lambda: self._exports[function](self._store, *(_signed(n) for n in arguments)),
        )

    def call(self, function: str, *arguments: int) -> int:
        """Makes a call that may refuse; returns its handle."""
        handle = self.number(function, *arguments)
        if handle == 0:
            failure = self.json()
            if not isinstance(failure, dict) or "message" not in failure:
                raise self._nonsense(function, "a failure without a message")
            raise Refused(str(failure.get("code")), str(failure["message"]))
        return handle

    def answer(self) -> numpy.ndarray:
        """Copies the last call's answer."""
        length = self.number("ilk_answer_length") & 0xFFFF_FFFF
        if length == 0:
            return numpy.empty(0, dtype=numpy.uint8)
        return self._view(self.number("ilk_answer"), length).copy()

    def json(self):
        """Reads the last call's answer."""
        try:
            return json.loads(self.answer().tobytes())
        except ValueError as error:
            raise self._nonsense("ilk_answer", _line(error)) from None

    def put(self, data) -> tuple[int, int]:
        """Copies bytes or an array into the instance; returns address and bytes. The call that it
        is handed to takes it."""
        view = numpy.frombuffer(memoryview(data).cast("B"), dtype=numpy.uint8)
        address = self.number("ilk_alloc", len(view))
        if address == 0:
            raise OutOfMemory(f"no room for {len(view)} bytes in {self._limits.memory_bytes}")
        if len(view):
            self._view(address, len(view))[:] = view
        return address, len(view)

    def _view(self, address: int, length: int) -> numpy.ndarray:
        address &= 0xFFFF_FFFF
        if address + length > self._memory.data_len(self._store):
            raise self._nonsense("ilk_answer", f"{length} bytes at {address}, past its memory")
        buffer = self._memory.get_buffer_ptr(self._store, length, address)
        return numpy.frombuffer(buffer, dtype=numpy.uint8)

    def _nonsense(self, function: str, why: str) -> BadOutput:
        self._has_failed = True
        return BadOutput(f"the plugin returned nonsense from {function}: {why}")

    def _guarded(self, function: str, run):
        if self._has_failed:
            raise Trapped(f"{function} was called after the plugin had failed: begin anew")
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
            f"the plugin was stopped in {function} when its {self._limits.deadline} s were over"
        )

    def _explain(self, function: str, error: Exception) -> Exception:
        code = getattr(error, "trap_code", None)
        if code == wasmtime.TrapCode.INTERRUPT:
            return self._late(function)
        if code == wasmtime.TrapCode.OUT_OF_FUEL or "fuel" in str(error):
            return OutOfFuel(f"the plugin used up its {self._limits.fuel} units of fuel")
        used = 0 if self._memory is None else self._memory.data_len(self._store)
        # Allocations double: who asks for more than there is has half of it at least.
        if used > self._limits.memory_bytes // 2 or "memory" in str(error) and used == 0:
            return OutOfMemory(
                f"the plugin failed in {function} with {used} of {self._limits.memory_bytes} "
                "bytes of memory in use; give it more, or less to do"
            )
        first = _line(str(error).split("wasm backtrace")[0] or error)
        return Trapped(f"the plugin failed in {function}: {first}")


def _signed(number: int) -> int:
    """Turns an unsigned number of 32 bits into what calls take."""
    return number - (1 << 32) if number >= 1 << 31 else number
