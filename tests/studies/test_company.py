"""Generators of a study that are trained together: the same scores, the same promises."""

import numpy as np
import pytest

from hs_specaug.exceptions import LeakageError
from hs_specaug.generators import CDRAGANGenerator, ThreePlayerGenerator
from hs_specaug.generators import _together as together_module
from hs_specaug.studies import Study, _company
from hs_specaug.studies._fitted_before import FittedBefore
from hs_specaug.studies._plan import StudyPlan

TINY = {"epochs": 1, "batch_size": 32, "latent_dim": 4, "precision": "float32", "device": "cpu"}


@pytest.fixture
def trained(monkeypatch):
    """Count the companies that are trained."""
    sizes = []
    fit = together_module.fit_in_company

    def counted(generators, data, hear):
        sizes.append(len(generators))
        return fit(generators, data, hear)

    monkeypatch.setattr(together_module, "fit_in_company", counted)
    return sizes


def rows_of(result):
    table = {}
    for cell in result.cells:
        table[cell.method, cell.classifier, cell.split] = cell
    return table


def same_scores(one, other):
    cells, others = rows_of(one), rows_of(other)
    assert cells.keys() == others.keys()
    for key, cell in cells.items():
        assert others[key].error is None
        assert others[key].rows == cell.rows
        assert others[key].key == cell.key
        for name, value in cell.macro().items():
            assert others[key].macro()[name] == pytest.approx(value, abs=0.05), (key, name)
        assert others[key].facts.keys() == cell.facts.keys()
        assert others[key].seconds.keys() == cell.seconds.keys()


def test_scores_are_those_of_one_by_one(imbalanced, quick, trained):
    methods = {"gan": CDRAGANGenerator(**TINY), "smote": "smote"}
    alone = quick(methods, together=False).run(*imbalanced)
    assert trained == []
    together = quick(methods, together=True).run(*imbalanced)
    assert trained == [3]
    same_scores(alone, together)
    gans = [cell for cell in together.cells if cell.method == "gan"]
    assert {cell.facts["best_epoch"] for cell in gans} <= {0, 1}
    assert len({cell.seconds["generator"] for cell in gans}) == 1  # a third of the time of all
    assert gans[0].seconds["generator"] > 0


def test_ratios_are_companies_of_their_own(imbalanced, quick, trained):
    study = quick(
        [CDRAGANGenerator(**TINY)], balanced_ratios=[0.5, 0.25], repetitions=2, together=True
    )
    result = study.run(*imbalanced)
    assert trained == [2, 2]
    assert all(cell.error is None for cell in result.cells)


def test_auto_is_one_by_one_on_a_cpu(imbalanced, quick, trained):
    quick([CDRAGANGenerator(**TINY)], repetitions=2).run(*imbalanced)
    assert trained == []


def jobs(study, data):
    plan = StudyPlan(study, *data, None)
    return _company.jobs_of(plan.missing({}), study.together, study.devices)


def test_auto_asks_for_the_device_of_each_unit(imbalanced, quick, monkeypatch):
    import torch

    methods = {"free": CDRAGANGenerator(), "fixed": CDRAGANGenerator(device="cpu"), "no": "smote"}
    study = quick(methods, baselines=False, repetitions=4, devices=["cuda:0", "cuda:1"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    made = {}
    for job in jobs(study, imbalanced):
        made.setdefault(job[0].method.name, []).append(len(job))
        assert len({unit.device for unit in job}) == 1
    assert made == {"free": [4], "fixed": [1] * 4, "no": [1] * 4}
    devices = {unit.device for job in jobs(study, imbalanced) for unit in job}
    assert devices == {"cuda:0", "cuda:1"}


def test_companies_have_a_limit(imbalanced, quick, monkeypatch):
    monkeypatch.setattr(_company, "MOST", 2)
    study = quick([CDRAGANGenerator(**TINY)], baselines=False, repetitions=5, together=True)
    assert [len(job) for job in jobs(study, imbalanced)] == [2, 2, 1]


def test_a_study_that_was_killed_goes_on(imbalanced, quick, tmp_path, monkeypatch, trained):
    methods = [CDRAGANGenerator(**TINY)]
    settings = {"together": True, "results": tmp_path / "study.jsonl", "repetitions": 4}
    monkeypatch.setattr(_company, "MOST", 2)
    run_unit, done = _company.run_unit, []

    def dies(unit, *args):
        done.append(unit.method.name)
        if done.count("cdragan") == 4:
            raise KeyboardInterrupt
        return run_unit(unit, *args)

    monkeypatch.setattr(_company, "run_unit", dies)
    with pytest.raises(KeyboardInterrupt):
        quick(methods, **settings).run(*imbalanced)
    assert trained == [2, 2]
    monkeypatch.setattr(_company, "run_unit", run_unit)
    result = quick(methods, **settings).run(*imbalanced)
    # What was scored is not made again; of the second pair one or two are left.
    assert trained in ([2, 2], [2, 2, 2])
    monkeypatch.undo()
    whole = quick(methods, repetitions=4, together=False).run(*imbalanced)
    same_scores(whole, result)


def test_what_cannot_be_trained_together_is_trained_alone(imbalanced, quick, trained):
    method = CDRAGANGenerator(**TINY, spectral_norm=True)
    result = quick([method], repetitions=2, together=True).run(*imbalanced)
    assert trained == [2]
    assert all(cell.error is None for cell in result.cells)


def test_an_error_is_that_of_its_own_unit(imbalanced, quick):
    """adaptive_augment without a transform is refused by the fit."""
    method = ThreePlayerGenerator(**TINY, pretrain_epochs=0, adaptive_augment=True)
    result = quick([method], repetitions=2, together=True).run(*imbalanced)
    errors = [cell.error for cell in result.cells if cell.method == "three-player"]
    assert len(errors) == 2
    assert all("needs a transform" in error for error in errors)


def test_warnings_go_to_the_unit_that_they_concern(imbalanced, quick):
    method = CDRAGANGenerator(**TINY, snapshot_epochs=[5])
    settings = {"repetitions": 2}
    for together in (False, True):
        result = quick([method], together=together, **settings).run(*imbalanced)
        cells = [cell for cell in result.cells if cell.method == "cdragan"]
        said = [cell.facts["warnings"] for cell in cells]
        assert [len([m for m in own if "snapshot" in m]) for own in said] == [1, 1]


def test_a_generator_of_other_rows_is_refused(imbalanced):
    X, y = imbalanced
    generator = CDRAGANGenerator(**TINY).fit(X[:45], y[:45])
    stand_in = FittedBefore(generator, 1.0, [])
    assert stand_in.fit(X[:45], y[:45]) is stand_in
    with pytest.raises(LeakageError, match="other rows"):
        stand_in.fit(X[1:46], y[1:46])


def test_together_is_checked(imbalanced):
    with pytest.raises(ValueError, match="together"):
        Study(["smote"], together="always").run(*imbalanced)


def test_transformers_learn_inside_the_split(imbalanced, quick, trained):
    from sklearn.preprocessing import StandardScaler

    settings = {"transformers": [StandardScaler()], "repetitions": 2}
    methods = [CDRAGANGenerator(**TINY)]
    alone = quick(methods, together=False, **settings).run(*imbalanced)
    together = quick(methods, together=True, **settings).run(*imbalanced)
    assert trained == [2]
    same_scores(alone, together)
    assert np.isfinite([cell.macro()["f_score"] for cell in together.cells]).all()
