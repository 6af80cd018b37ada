"""The job: the record of job files, of the command line and of JavaScript."""

import dataclasses
import json


@dataclasses.dataclass(frozen=True, kw_only=True)
class SimilarityJob:
    """A similarity job; what is left out has its default. `ilk help run` explains each setting,
    and the plugin checks them."""

    like: str | None = None
    of: str | None = None
    measure: str | None = None
    alpha: float | None = None
    beta: float | None = None
    kappa: float | None = None
    weighting: str | None = None
    k1: float | None = None
    b: float | None = None
    half_life: str | None = None
    now: str | None = None
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
    if job is None:
        return {}
    if isinstance(job, str):
        return json.loads(job) if job else {}
    return job.settings() if isinstance(job, SimilarityJob) else dict(job)
