"""The cells of a study on given rows: which there are, which are missing, and making those."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.utils import check_array, check_random_state

from ..evaluation.comparison._checks import check_groups, check_labels
from ._cell import Cell
from ._company import Job, jobs_of, run_job
from ._estimators import check_sampling_strategy, check_transformers
from ._folds import Fold, find_minority, make_folds, make_ratios, overlap_of
from ._identity import describe, digest, seed_of
from ._journal import Journal, Place
from ._methods import Method, make_classifiers, make_methods
from ._result import StudyResult
from ._unit import Unit

if TYPE_CHECKING:
    from ._study import Study


class StudyPlan:
    """All cells of a study on given rows, and which of them are there.

    Parameters
    ----------
    study : Study
        Settings.
    X, y, groups : array-like
        See :meth:`Study.run`.
    """

    def __init__(self, study: Study, X: Any, y: Any, groups: Any) -> None:
        study._validate_params()
        self.study = study
        self.X, self.y, self.groups = _checked(X, y, groups)
        if study.score_left_out and self.groups is not None:
            raise ValueError(
                "score_left_out=True would score rows of groups that are in training; leave it "
                "out, or groups"
            )
        check_transformers(study.transformers)
        check_sampling_strategy(study.sampling_strategy, np.unique(self.y).tolist())
        self.methods = make_methods(
            study.methods, study.baselines, study.domain, study.sampling_strategy
        )
        self.classifiers, self.notes = make_classifiers(
            study.classifiers,
            study.default_classifiers,
            study.classifier_updates,
            study.domain,
            self.X.ndim - 1,
        )
        self.journal = Journal(study.results)
        self.folds = self._folds()
        self.journal.open(self._settings())
        self.cells = self._cells()

    def _folds(self) -> list[Fold]:
        study, labels = self.study, np.unique(self.y).tolist()
        ratios = make_ratios(
            study.balanced_ratios, study.imbalance_rates, study.training_rows, labels
        )
        known = self.journal.settings
        if study.random_state is None and known is not None:
            self.seed = seed_of(study.results, known)
        else:
            drawn = study.random_state
            if not isinstance(drawn, Integral):
                drawn = check_random_state(drawn).randint(np.iinfo(np.int32).max)
            self.seed = int(drawn)
        return make_folds(
            self.y,
            ratios,
            groups=self.groups,
            minority=find_minority(self.y, study.minority),
            repetitions=study.repetitions,
            test_size=study.test_size,
            cv=study.cv,
            score_left_out=study.score_left_out,
            seed=self.seed,
        )

    def _settings(self) -> dict[str, Any]:
        study = self.study
        return {
            "data": digest(self.X, self.y, self.groups),
            "seed": self.seed,
            "test_size": study.test_size if study.cv is None else None,
            "cv": describe(study.cv),
            "transformers": describe(list(study.transformers)),
        }

    def _cells(self) -> list[tuple[Fold, Method, list[tuple[Cell, Any]]]]:
        """Return for every unit of work its empty cells and their classifiers."""
        changed = {
            (m.name, name): m.change(classifier)
            for m in self.methods
            for name, classifier in self.classifiers.items()
        }
        told = {key: json.dumps(describe(v), sort_keys=True) for key, v in changed.items()}
        generators = {
            m.name: json.dumps(describe(m.generator), sort_keys=True) for m in self.methods
        }
        steps = json.dumps(describe(list(self.study.transformers)), sort_keys=True)
        out = []
        for fold in self.folds:
            rows = digest(fold.train, fold.test, fold.generator_seed, fold.classifier_seed)
            for m in self.methods:
                cells = []
                for name in self.classifiers:
                    if changed[m.name, name] is None:
                        continue
                    key = digest(rows, steps, m.name, generators[m.name], name, told[m.name, name])
                    place = (fold.ratio.name, fold.split, fold.repetition, fold.part)
                    cells.append((Cell(key, *place, m.name, name), changed[m.name, name]))
                out.append((fold, m, cells))
        return out

    def finished(self) -> dict[str, Cell]:
        """Return the cells of this study that the file has."""
        known, n_classes = self.journal.cells, len(np.unique(self.y))
        wanted = [cell for _, _, cells in self.cells for cell, _ in cells if cell.key in known]
        keep = not self.study.retry_failed
        return {
            cell.key: known[cell.key].measured(cell)
            for cell in wanted
            if (keep and known[cell.key].error) or len(known[cell.key].confusion) == n_classes
        }

    def missing(self, finished: Mapping[str, Cell]) -> list[Unit]:
        """Return the units that fill the cells which are not there, split after split."""
        units: list[Unit] = []
        devices = self.study.devices
        for fold, method, cells in sorted(self.cells, key=lambda work: work[0].split):
            left = tuple(pair for pair in cells if pair[0].key not in finished)
            if left:
                device = devices[len(units) % len(devices)] if devices else None
                units.append(Unit(fold, method, left, self.study.transformers, device))
        return units

    def run(self, units: Sequence[Unit]) -> Iterator[tuple[Cell, bool]]:
        """Yield cells and whether they are on disk, where joblib is told to make them."""
        study = self.study
        jobs = (
            delayed(_run_job)(self.journal.place, job, self.X, self.y, self.groups)
            for job in jobs_of(units, study.together, study.devices)
        )
        done = Parallel(n_jobs=self.study.n_jobs, return_as="generator_unordered")(jobs)
        for cells in done:
            yield from cells

    def result(self, finished: Mapping[str, Cell], *notes: str) -> StudyResult:
        """Return the table of the finished cells, in the order of the study."""
        keys = [cell.key for _, _, unit in self.cells for cell, _ in unit]
        cells = [finished[key] for key in keys if key in finished]
        said = [*self.notes, *self._nothing_to_fill_up(), *notes]
        if self.journal.damaged:
            said.append(f"{self.journal.damaged} unreadable lines of the results were skipped")
        made = {cell.method for cell in cells}
        return StudyResult(
            cells,
            classes=np.unique(self.y).tolist(),
            methods={m.name: m.kind for m in self.methods if m.name in made},
            ratios={fold.ratio.name: fold.ratio.value for fold in self.folds},
            ratio_kind=self.folds[0].ratio.kind,
            overlap=overlap_of(self.folds, self.y),
            notes=said,
        )

    def _nothing_to_fill_up(self) -> list[str]:
        """Say that methods add no rows where all classes have as many already."""
        counts = [np.unique(self.y[fold.train], return_counts=True)[1] for fold in self.folds]
        if self.study.sampling_strategy != "auto" or max(map(np.ptp, counts)) > 1:
            return []
        return [
            f"all classes have {counts[0].max()} training rows, so that methods add few or none; "
            f"give a number of rows per class, such as sampling_strategy={2 * counts[0].max()}"
        ]


def _checked(X: Any, y: Any, groups: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    if np.iscomplexobj(X):
        raise ValueError(
            "X must be real numbers, got complex ones; stack real and imaginary part (or phase "
            "angle and modulus) as channels, rows of shape (n, 2, length)"
        )
    rows = check_array(X, allow_nd=True, dtype="numeric", input_name="X")
    labels = check_labels(len(rows), [] if y is None else y, "y")
    return rows, labels, check_groups(groups, len(rows))


def _run_job(place: Place | None, job: Job, *data: Any) -> list[tuple[Cell, bool]]:
    """Run units in a worker, which writes their cells itself where it can."""
    return [(cell, place is not None and place.append(cell)) for cell in run_job(job, *data)]
