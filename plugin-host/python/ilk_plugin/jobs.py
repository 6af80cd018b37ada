"""The job, as a record, a dictionary or JSON."""

import datetime
import difflib
import functools
import json
import typing
from collections.abc import Mapping
from typing import Any

import numpy

from ilk_plugin.checks import check_choice, check_whole
from ilk_plugin.errors import Refused
from ilk_plugin.settings import Job, SimilarityJob

JobLike = SimilarityJob | Job | str | None
"""What a job may be given as; JSON as text. The plugin checks every setting."""


def settings_of(job: JobLike) -> dict[str, Any]:
    """Returns the settings of a job. `half_life` may be a timedelta, `now` a date or a datetime (UTC
    unless it has a time zone)."""
    settings: Any = _parsed(job) if isinstance(job, str) else job
    if settings is None:
        return {}
    if isinstance(settings, SimilarityJob):
        settings = settings.settings()
    if not isinstance(settings, Mapping):
        kind = type(settings).__name__
        raise Refused("setting", f"the job is a {kind}; give a SimilarityJob, a dictionary or JSON")
    for name, value in settings.items():
        _check(name, value)
    return {name: _plain(name, value) for name, value in settings.items()}


@functools.cache
def _types() -> dict[str, Any]:
    return typing.get_type_hints(Job)


def _check(name: object, value: object) -> None:
    """Refuses settings and names of values that there are not: the plugin sees them as JSON, and would
    say where in it."""
    types = _types()
    if name not in types:
        nearest = difflib.get_close_matches(str(name), types, 1)
        hint = f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(types)}"
        raise Refused("setting", f"the job has no setting {name!r}; {hint}")
    if value is not None and typing.get_origin(types[str(name)]) is typing.Literal:
        check_choice(str(name), value, typing.get_args(types[str(name)]))
    if types[str(name)] is int and value is not None:
        check_whole("setting", str(name), value, 0)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        raise Refused("setting", f"the job is not valid JSON: {error}") from None


def _plain(name: str, value: Any) -> Any:
    """Converts a value to its form in job files."""
    if isinstance(value, numpy.generic):
        value = value.item()
    if isinstance(value, datetime.timedelta):
        return f"{value // datetime.timedelta(microseconds=1)}us"
    if isinstance(value, datetime.date):
        return value.isoformat()
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        raise Refused("setting", f"{name} is a {type(value).__name__}, which JSON cannot hold") from None
    return value
