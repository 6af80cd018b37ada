"""Checks of what callers give: names of columns, lists of IDs, conditions."""

import typing
from collections.abc import Iterable
from typing import Any, Literal

import numpy
import pyarrow

from ilk_plugin.checks import check_choice
from ilk_plugin.errors import Refused

TimeUnit = Literal["auto", "s", "ms", "us", "ns", "days", "yyyymmdd"]


VITAL = ("user", "item")


def check_columns(**columns: str | None) -> dict[str, str]:
    """Returns the columns that are named, by argument."""
    named = {name: column for name, column in columns.items() if column is not None or name in VITAL}
    for name, column in named.items():
        if not isinstance(column, str) or not column:
            raise Refused("setting", f"{name} is {column!r}; give the name of a column")
    if named["user"] == named["item"]:
        raise Refused(
            "setting",
            f"user and item are the same column, `{named['user']}`; name the user ID column and the "
            "item ID column",
        )
    return {name: str(column) for name, column in named.items()}


def check_texts(**texts: str | None) -> dict[str, str]:
    """Returns the texts that are given, by argument."""
    given = {name: text for name, text in texts.items() if text is not None}
    for name, text in given.items():
        if not isinstance(text, str):
            raise Refused("setting", f"{name} is {text!r}; give a string")
    if "time_unit" in given:
        check_choice("time_unit", given["time_unit"], typing.get_args(TimeUnit))
    return given


def conditions_of(where: object) -> list[str]:
    """Returns the conditions of `where`."""
    conditions = _listed("where", where, "['country=FR']")
    for condition in conditions:
        if not isinstance(condition, str):
            raise Refused("setting", f"where has {condition!r}; conditions are strings, as in 'country=FR'")
    return conditions


def ids_of(name: str, given: object) -> list[str]:
    """Spells the IDs of a list as columns have them, each once; nulls are none. `name`: whose list it
    is."""
    ids = [_id(name, value) for value in _listed(name, given, "['85123A']")]
    return list(dict.fromkeys(id for id in ids if id is not None))


def _listed(name: str, given: Any, example: str) -> list[Any]:
    """Makes a list of what is one. A text is not, though it could be gone through; nor is a table,
    which would be gone through by its columns."""
    is_table = hasattr(given, "columns")
    if isinstance(given, str | bytes) or is_table or not isinstance(given, Iterable):
        hint = f", or one column, as in {name}=table['item']" if is_table else ""
        kind = type(given).__name__
        raise Refused("setting", f"{name} is {kind}; give a list, as in {name}={example}{hint}")
    return list(given)


def _id(name: str, value: Any) -> str | None:
    if isinstance(value, pyarrow.Scalar):
        value = value.as_py()
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, bytes):
        return _text(name, value)
    if isinstance(value, Iterable) and not isinstance(value, str):
        raise Refused("setting", f"{name} has a {type(value).__name__}; IDs are strings or whole numbers")
    # pandas makes floats of whole numbers beside nulls.
    if not isinstance(value, float | numpy.floating):
        return str(value)
    if numpy.isnan(value):
        return None
    if not value.is_integer():
        raise Refused("setting", f"{name} has {value}; IDs are strings or whole numbers")
    return str(int(value))


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        why = "which is not UTF-8; IDs are strings or whole numbers"
        raise Refused("setting", f"{name} has {value!r}, {why}") from None
