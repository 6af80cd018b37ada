"""What happened to the rows: notes for programs, warnings for people."""

import dataclasses
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

# Reasons that rows are set aside for. Rows that a condition filters are meant to go.
REASONS = {
    "unreadable": "unreadable",
    "null_user": "without a user ID",
    "null_item": "without an item ID",
    "bad_weight": "with an invalid weight",
    "bad_time": "with an invalid time",
    "nonpositive_weight": "with a weight of 0 or less",
}


class IlkWarning(UserWarning):
    """The result leaves something out: rows were set aside, listed IDs are not in the data, or settings
    have no effect."""


@dataclasses.dataclass(frozen=True)
class Note:
    """Something worth knowing about the rows."""

    code: str
    """For programs: a reason that rows were set aside for (`null_user`, `bad_weight`, …), or `rows`,
    `unknown_ids` (one for each list), `capped_users`, `rare_items`, `netted_away`, `emptied_users`,
    `repeated_ratings`, `vanishing_weights` (half-lives since the oldest row), `unused_settings` (1)."""
    count: int
    """How many."""
    text: str
    """For people."""


def warn(
    notes: Iterable[Note],
    *,
    job: Mapping[str, Any],
    listed: Mapping[str, int],
    look: str,
    stacklevel: int,
) -> None:
    """Warns about what is missing from the result. `job`: its settings; `listed`: the number of IDs of
    each list; `look`: how to see the rows; `stacklevel`: 1 for the caller of this function."""
    notes = list(notes)
    unused = [note.text for note in notes if note.code == "unused_settings"]
    texts = (_rows_text(notes, job, look), _lists_text(notes, listed), _weights_text(notes), *unused)
    for text in texts:
        if text:
            warnings.warn(text, IlkWarning, stacklevel=stacklevel + 1)


def unused_settings(time: str | None, **given: str | None) -> list[Note]:
    """Notes settings of the time column that are `given` without one, as the plugin does."""
    names = [name for name, value in given.items() if value is not None and time is None]
    if not names:
        return []
    have = "has" if len(names) == 1 else "have"
    return [Note("unused_settings", 1, f"{', '.join(names)} {have} no effect without time")]


def _rows_text(notes: list[Note], job: Mapping[str, Any], look: str) -> str | None:
    rows = sum(note.count for note in notes if note.code == "rows")
    # A job that says what becomes of returns needs no warning of them.
    expected = {"nonpositive_weight"} if "negative_weights" in job else set()
    set_aside = [note for note in notes if note.code in REASONS and note.code not in expected]
    if not set_aside:
        return None
    count = sum(note.count for note in set_aside)
    reasons = ", ".join(f"{note.count:,} {REASONS[note.code]}{_first(note)}" for note in set_aside)
    what = "row was" if count == 1 else "rows were"
    share = 100 * count / rows if rows else 0.0
    return f"{count:,} {what} set aside ({share:.2f} % of {rows:,}): {reasons}; {look}"


def _first(note: Note) -> str:
    """The plugin's notes say which row is the first."""
    first = note.text.partition("; ")[2]
    return f" ({first})" if first else ""


def _weights_text(notes: list[Note]) -> str | None:
    """Says of weights that they are not what they look like."""
    codes = ("repeated_ratings", "vanishing_weights")
    texts = [f"{note.count:,} {note.text}" for note in notes if note.code in codes]
    return "; ".join(texts) or None


def _lists_text(notes: list[Note], listed: Mapping[str, int]) -> str | None:
    # To exclude nothing is no mistake.
    empty = [name for name, count in listed.items() if count == 0 and name != "exclude"]
    if empty:
        verb = "has" if len(empty) == 1 else "have"
        return f"{' and '.join(empty)} {verb} no IDs, so that there are no neighbours"
    unknown = sum(note.count for note in notes if note.code == "unknown_ids")
    count = sum(listed.values())
    if not unknown or unknown < count:
        return None
    names = " and ".join(name for name, ids in listed.items() if ids)
    what = f"the ID in {names} is not" if count == 1 else f"none of the {count:,} IDs in {names} is"
    return f"{what} in the data; list IDs as their column has them"
