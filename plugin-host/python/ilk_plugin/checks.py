"""Checks of numbers that callers give, and numbers as people read them."""

import difflib
import numbers
from collections.abc import Sequence

from ilk_plugin.errors import Refused


def check_whole(code: str, name: str, value: object, least: int, most: int | None = None) -> None:
    """Refuses what is not a whole number in a range; `code` is the refusal's."""
    if isinstance(value, numbers.Integral) and least <= int(value) and (most is None or int(value) <= most):
        return
    bounds = f"of {least} or more" if most is None else f"from {least} to {most}"
    raise Refused(code, f"{name} is {value!r}; give a whole number {bounds}")


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Refuses what is not one of some names."""
    if isinstance(value, str) and value in choices:
        return
    nearest = difflib.get_close_matches(str(value), choices, 1)
    hint = f"did you mean {nearest[0]!r}? Or " if nearest else ""
    raise Refused("setting", f"{name} is {value!r}; {hint}choose one of {', '.join(choices)}")


def size(count: float) -> str:
    """Formats a number of bytes."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 10_000:
            return f"{count:,.0f} {unit}"
        count /= 1024
    return f"{count:,.0f} TiB"
