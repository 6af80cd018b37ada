"""Plugins that do as little, or as ill, as a test needs."""

import multiprocessing

import wasmtime


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


STEP = '(func (export "ilk_session_step") (param i32) (result i32) {})'
LOOP = "(loop (br 0)) unreachable"


def in_child(run) -> int | None:
    """Runs something in a forked process; tells how it ended, if it did."""
    child = multiprocessing.get_context("fork").Process(target=run)
    child.start()
    child.join(10)
    code = child.exitcode
    child.kill()
    child.join()
    return code
