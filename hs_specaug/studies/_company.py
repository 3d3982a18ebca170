"""Units of one method whose generators are trained as one model."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..evaluation._resampled import resample_fold
from ._cell import Cell
from ._fitted_before import FittedBefore
from ._unit import Unit, generator_of, run_unit, transformers_of

#: Most generators in one model: what a study that is killed has to make again.
MOST = 16
Job = tuple[Unit, ...]


def jobs_of(
    units: Sequence[Unit], together: bool | str, devices: Sequence[str] | None
) -> list[Job]:
    """Return the units in groups that are trained together; most are groups of one.

    Parameters
    ----------
    units : sequence of Unit
        In the order of their splits.
    together : bool or "auto"
        Whether, or only where networks train on CUDA.
    devices : sequence of str or None
        Devices that groups take in turn.
    """
    groups: dict[Any, list[Unit]] = {}
    for number, unit in enumerate(units):
        alone = not (together is True or (together == "auto" and _on_cuda(unit)))
        alone = alone or not getattr(unit.method.generator, "trains_together", False)
        key = (number,) if alone else (unit.method.name, unit.fold.ratio.name, len(unit.fold.train))
        groups.setdefault(key, []).append(unit)
    jobs = [
        tuple(group[i : i + MOST]) for group in groups.values() for i in range(0, len(group), MOST)
    ]
    if devices and len(jobs) < len(units):
        return [
            tuple(replace(unit, device=devices[i % len(devices)]) for unit in job)
            for i, job in enumerate(jobs)
        ]
    return jobs


def _on_cuda(unit: Unit) -> bool:
    generator = unit.method.generator
    if not getattr(generator, "trains_together", False):
        return False
    from ..networks import resolve_device

    device = generator.device
    if device == "auto":
        device = unit.device or resolve_device().type
    return str(device).startswith("cuda")


def run_job(job: Job, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None) -> Iterator[Cell]:
    """Yield the cells of all units of a group, each as soon as it is known."""
    fitted: Sequence[FittedBefore | None] = [None] * len(job)
    if len(job) > 1:
        # What cannot be trained together, or fails, is tried alone and says there what is wrong.
        with contextlib.suppress(Exception):
            fitted = _fit(job, X, y)
    for unit, generator in zip(job, fitted, strict=True):
        yield from run_unit(unit, X, y, groups, generator)


def _fit(job: Job, X: np.ndarray, y: np.ndarray) -> list[FittedBefore]:
    from ..generators._together import fit_in_company

    data = []
    for unit in job:
        train = unit.fold.train
        rows = resample_fold(X[train], y[train], None, transformers_of(unit))
        data.append((rows.X, rows.y))
    heard: list[list[warnings.WarningMessage]] = [[] for _ in job]

    @contextlib.contextmanager
    def hear(r: int) -> Iterator[None]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
        heard[r] += caught

    started = time.perf_counter()
    generators = fit_in_company([generator_of(unit) for unit in job], data, hear)
    seconds = (time.perf_counter() - started) / len(job)
    return [
        FittedBefore(generator, seconds, said)
        for generator, said in zip(generators, heard, strict=True)
    ]
