"""Progress bars obey ``hs.preferences.General.show_progressbar`` wherever a signal is asked."""

import hyperspy.api as hs
import numpy as np
import pytest

import hs_specaug
from hs_specaug.studies import Study

SHORT = {"epochs": 1, "pretrain_epochs": 1, "batch_size": 64}
QUICK_CNN = {"max_updates": 2}

pytestmark = pytest.mark.filterwarnings("ignore::hs_specaug.exceptions.SpecAugWarning")


def small_map(lazy):
    options = {"lazy": True, "chunks": (4, 4)} if lazy else {}
    s = hs_specaug.datasets.core_shell_map(shape=(8, 8), labelled_fraction=0.5, **options)
    return s.preprocess(crop=(690.0, 740.0), resample=16, show_progressbar=False)


@pytest.fixture
def s():
    """Give a small labelled map."""
    return small_map(lazy=False)


@pytest.fixture
def preference(monkeypatch):
    """Return a function that sets HyperSpy's preference for this test."""

    def choose(shown):
        monkeypatch.setattr(hs.preferences.General, "show_progressbar", shown)

    return choose


CALLS = {
    "train_generator": lambda s, **more: s.train_generator("three-player", **SHORT, **more),
    "augment": lambda s, **more: s.augment("three-player", **SHORT, **more),
    "classify": lambda s, **more: s.classify("cnn", **QUICK_CNN, random_state=0, **more),
    "classify with augmentation": lambda s, **more: s.classify(
        "KNeighborsClassifier",
        augmentation=hs_specaug.make_generator("three-player", **SHORT),
        random_state=0,
        **more,
    ),
    "compare_with": lambda s, **more: s.compare_with(
        hs_specaug.make_generator("three-player", **SHORT),
        metrics="pearson",
        random_state=0,
        **more,
    ),
    "recommend_augmentation": lambda s, **more: s.recommend_augmentation(
        ["KNeighborsClassifier"], methods=["random"], repetitions=1, random_state=0, **more
    ),
}
#: These read nothing but the labelled rows of a lazy signal, and say so.
TRAINED = {name: CALLS[name] for name in ("train_generator", "compare_with")}
READS_ALL = {"preprocess": lambda s, **more: s.preprocess(denoise=2, **more)}
READS_LABELLED = {"to_arrays": lambda s, **more: s.to_arrays(**more)}


def printed(capfd):
    """Return what was written, to the terminal as well as to Python's streams."""
    out, err = capfd.readouterr()
    return out + err


@pytest.mark.parametrize("call", CALLS)
def test_methods_that_train(call, s, preference, capfd):
    preference(False)
    CALLS[call](s)
    assert printed(capfd) == ""
    preference(True)
    CALLS[call](s)
    assert "%" in printed(capfd)
    CALLS[call](s, show_progressbar=False)
    assert printed(capfd) == ""
    preference(False)
    CALLS[call](s, show_progressbar=True)
    assert "%" in printed(capfd)


@pytest.mark.parametrize("call", TRAINED)
def test_methods_that_train_from_lazy_signals(call, preference, capfd):
    s = small_map(lazy=True)
    preference(False)
    TRAINED[call](s)
    assert printed(capfd) == ""
    preference(True)
    TRAINED[call](s)
    assert "Completed" in printed(capfd)  # Dask's words


@pytest.mark.parametrize("call", [*READS_ALL, *READS_LABELLED])
def test_methods_that_read_lazy_signals(call, preference, capfd):
    s, run = small_map(lazy=True), {**READS_ALL, **READS_LABELLED}[call]
    preference(False)
    run(s)
    assert printed(capfd) == ""
    preference(True)
    run(s)
    assert "%" in printed(capfd)
    run(s, show_progressbar=False)
    assert printed(capfd) == ""


@pytest.mark.parametrize(
    "use",
    [
        lambda result, path: result.compute(),
        lambda result, path: result.plot_map(),
        lambda result, path: result.save(path / "map.hspy"),
    ],
    ids=["compute", "plot_map", "save"],
)
def test_lazy_results(use, preference, capfd, tmp_path):
    s = small_map(lazy=True)
    for shown in (False, True):
        result = s.classify("KNeighborsClassifier", random_state=0, show_progressbar=False)
        preference(shown)
        printed(capfd)
        use(result, tmp_path)
        assert bool(printed(capfd)) == shown


def test_methods_without_a_bar_print_nothing(s, preference, capfd):
    """What takes no time stays silent, also where bars are wanted."""
    preference(True)
    generator = s.train_generator("random", random_state=0, show_progressbar=False)
    printed(capfd)
    s.perturb("gain", random_state=0)
    s.augment(generator)
    s.set_labels(s.labels, classes=s.classes)
    s.plot_labels()
    assert printed(capfd) == ""


@pytest.mark.parametrize("shown", [False, True])
def test_array_level_objects_know_their_own_argument_only(shown, preference, capfd):
    """Estimators and studies follow scikit-learn: silent unless asked."""
    preference(not shown)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 12)), np.repeat(["common", "rare"], [30, 10])
    study = Study(
        ["random"], ["KNeighborsClassifier"], baselines=["none"], default_classifiers=False,
        repetitions=1, random_state=0, show_progressbar=shown,
    )  # fmt: skip
    study.run(X, y)
    assert ("%" in printed(capfd)) == shown
    hs_specaug.make_generator("three-player", **SHORT, show_progressbar=shown).fit(X, y)
    assert ("%" in printed(capfd)) == shown
