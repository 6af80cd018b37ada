"""The job: the record of job files, of the command line and of JavaScript."""

import dataclasses
import datetime
import json
from collections.abc import Mapping

import numpy

from ilk_plugin.errors import Refused


@dataclasses.dataclass(frozen=True, kw_only=True)
class SimilarityJob:
    """A similarity job; what is left out has its default. `ilk help run` explains each setting,
    and the plugin checks them. `half_life` may be a timedelta, `now` a date or a datetime (in
    UTC, unless it has a zone)."""

    like: str | None = None
    of: str | None = None
    measure: str | None = None
    alpha: float | None = None
    beta: float | None = None
    kappa: float | None = None
    weighting: str | None = None
    k1: float | None = None
    b: float | None = None
    half_life: str | datetime.timedelta | None = None
    now: str | datetime.date | None = None
    top: int | None = None
    min_support: int | None = None
    min_overlap: int | None = None
    shrinkage: float | None = None
    threshold: float | None = None
    max_items_per_user: int | None = None
    duplicates: str | None = None
    negative_weights: str | None = None
    max_bad_rows: str | None = None
    strict: bool | None = None

    def settings(self) -> dict:
        """Returns what was set."""
        every = dataclasses.asdict(self)
        return {name: value for name, value in every.items() if value is not None}


def settings_of(job) -> dict:
    """Returns the settings of a job given as a record, a dictionary, JSON or nothing."""
    if isinstance(job, str):
        job = _parsed(job)
    if job is None:
        return {}
    if isinstance(job, SimilarityJob):
        job = job.settings()
    if not isinstance(job, Mapping):
        raise Refused(
            "setting", f"the job is {type(job).__name__}; give a SimilarityJob, a dictionary or JSON of one"
        )
    return {name: _plain(name, value) for name, value in job.items()}


def _parsed(text: str):
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        raise Refused("setting", f"the job is no JSON: {error}") from None


def _plain(name: str, value):
    """Spells a value as job files do."""
    if isinstance(value, numpy.generic):
        value = value.item()
    if isinstance(value, datetime.timedelta):
        return f"{value // datetime.timedelta(microseconds=1)}us"
    if isinstance(value, datetime.date):
        return value.isoformat()
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        raise Refused("setting", f"{name} is {type(value).__name__}, and jobs are JSON") from None
    return value
