"""The package as a whole: what importing costs, what is inside, and what the wheel brings."""

import ast
import importlib
import importlib.metadata
import importlib.util
import inspect
import os
import pkgutil
import re
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import hyperspy.api as hs
import pytest
import yaml

import hs_specaug

PACKAGE = Path(hs_specaug.__file__).parent
ROOT = PACKAGE.parent
EXTENSION = "hyperspy_extension.yaml"
REGISTERED = yaml.safe_load((PACKAGE / EXTENSION).read_text())["signals"]
SOURCES = sorted(p.relative_to(PACKAGE) for p in PACKAGE.rglob("*.py"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def run_python(code, *, path=None, cwd=None):
    """Run code in a fresh interpreter and return what it printed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=cwd
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def loaded_by(code):
    """Return the packages that are loaded after running code in a fresh interpreter."""
    listing = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    return set(run_python(f"{code}\n{listing}").splitlines()[-1].split())


# --- what importing costs ------------------------------------------------------------------

HEAVY = {"torch", "hyperspy", "exspy", "sklearn", "imblearn", "scipy", "dask", "matplotlib"}


def test_importing_the_package_loads_nothing_heavy():
    loaded = loaded_by("import hs_specaug")
    assert "hs_specaug" in loaded
    assert not loaded & HEAVY


def test_importing_hyperspy_loads_neither_the_package_nor_torch():
    loaded = loaded_by("import hyperspy.api as hs; hs.signals")
    assert "hyperspy" in loaded
    assert not loaded & {"hs_specaug", "torch", "sklearn", "imblearn"}


def test_labelling_and_preprocessing_do_not_load_torch():
    loaded = loaded_by(
        "import numpy as np; from hs_specaug.signals import AugmentableSpectrum\n"
        "s = AugmentableSpectrum(np.ones((4, 8))); s.set_labels([0, 0, 1, -1])\n"
        "s.preprocess(normalize='max')"
    )
    assert "torch" not in loaded


@pytest.mark.parametrize(
    "code",
    [
        "hs_specaug.list_generators(); hs_specaug.list_classifiers()",
        "hs_specaug.list_perturbations()",
        "dir(hs_specaug), dir(hs_specaug.generators), dir(hs_specaug.classifiers)",
    ],
)
def test_listing_names_loads_nothing_heavy(code):
    assert not loaded_by(f"import hs_specaug; {code}") & HEAVY


def test_smote_does_not_load_torch():
    loaded = loaded_by("import hs_specaug; hs_specaug.make_generator('smote')")
    assert "imblearn" in loaded
    assert "torch" not in loaded


# --- names ---------------------------------------------------------------------------------

PUBLIC_MODULES = [
    "hs_specaug",
    *(f"hs_specaug.{m.name}" for m in pkgutil.iter_modules([PACKAGE]) if m.name[0] != "_"),
]


@pytest.mark.parametrize("module", PUBLIC_MODULES)
def test_every_public_name_resolves_and_has_a_docstring(module):
    module = importlib.import_module(module)
    assert inspect.getdoc(module)
    for name in getattr(module, "__all__", ()):
        item = getattr(module, name)
        if callable(item) or inspect.ismodule(item):
            assert inspect.getdoc(item), name


@pytest.mark.parametrize("module", PUBLIC_MODULES)
def test_public_methods_have_docstrings(module):
    module = importlib.import_module(module)
    for name in getattr(module, "__all__", ()):
        item = getattr(module, name)
        if not inspect.isclass(item) or not item.__module__.startswith("hs_specaug"):
            continue
        for member, value in vars(item).items():
            if not member.startswith("_") and inspect.isroutine(value):
                assert inspect.getdoc(getattr(item, member)), f"{name}.{member}"


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse((PACKAGE / path).read_text()))


def test_dir_is_what_all_says():
    assert set(hs_specaug.__all__) <= set(dir(hs_specaug))
    assert hs_specaug.__all__ == sorted(hs_specaug.__all__)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="augmentt"):
        hs_specaug.augmentt


def test_version_is_that_of_the_metadata():
    assert hs_specaug.__version__ == importlib.metadata.version("hs_specaug")


def test_citation_names_this_version_and_the_papers():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == hs_specaug.__version__
    assert len(citation["references"]) == 4
    assert all(r["title"] and r["authors"] for r in citation["references"])


def test_entry_points_load_and_name_their_classes():
    for name in hs_specaug.list_generators():
        if importlib.metadata.entry_points(group="hs_specaug.generators", name=name):
            assert hs_specaug.make_generator(name).method == name
    for name in hs_specaug.list_perturbations():
        assert hs_specaug.make_perturbation(name).name == name
    for name in hs_specaug.list_classifiers():
        assert hasattr(hs_specaug.make_classifier(name), "predict")


@pytest.mark.filterwarnings("ignore::hs_specaug.exceptions.FewSamplesWarning")
@pytest.mark.parametrize("name", ["three-player", "smote", "borderline-smote", "random"])
def test_global_random_states_stay_where_they_are(name, no_global_rng):
    short = {"epochs": 1, "pretrain_epochs": 1} if name == "three-player" else {}
    s = hs_specaug.datasets.polymer_spectra(step_per_cm=50.0)
    s.augment(name, random_state=0, **short)


# --- what HyperSpy is told -----------------------------------------------------------------


@pytest.mark.parametrize("name", REGISTERED)
def test_registered_class_exists(name):
    entry = REGISTERED[name]
    assert hasattr(importlib.import_module(entry["module"]), name)


@pytest.mark.parametrize("library", ["hyperspy", "exspy"])
def test_names_do_not_clash(library):
    folder = importlib.util.find_spec(library).submodule_search_locations[0]
    theirs = yaml.safe_load((Path(folder) / EXTENSION).read_text())["signals"]
    assert not set(theirs) & set(REGISTERED)
    assert not spellings(theirs) & spellings(REGISTERED)


def spellings(entries):
    """Return every text that HyperSpy accepts for the types of the entries."""
    return {
        text
        for entry in entries.values()
        for text in (entry["signal_type"], *entry.get("signal_type_aliases", ()))
        if text
    }


def test_one_class_for_each_type_dtype_and_laziness():
    keys = ("signal_type", "dtype", "signal_dimension", "lazy")
    kinds = Counter(tuple(entry[key] for key in keys) for entry in REGISTERED.values())
    assert set(kinds.values()) == {1}


# --- which part may know which -------------------------------------------------------------


def imports_of(path):
    """Return the absolute names of all modules that a source file imports at run time."""
    tree = ast.parse((PACKAGE / path).read_text())
    package = ["hs_specaug", *path.parts[:-1]]
    names = set()
    for node in run_time_nodes(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return names


def run_time_nodes(node):
    """Walk a syntax tree without what only type checkers see."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield from run_time_nodes(child)


def importers(target):
    """Return the rooms (folders, or modules at the top) that import `target`."""
    return {
        path.parts[0]
        for path in SOURCES
        if any(name == target or name.startswith(f"{target}.") for name in imports_of(path))
    }


def test_nothing_imports_the_signals():
    assert importers("hs_specaug.signals") <= {"signals"}


def test_who_knows_hyperspy():
    assert "signals" in importers("hyperspy")
    allowed = {"signals", "preprocessing", "io", "datasets"}
    assert importers("hyperspy") <= allowed
    assert importers("exspy") <= {"signals"}


def test_who_knows_torch():
    assert importers("torch") == {"networks", "generators", "classifiers", "perturbations"}


def test_networks_know_no_room_above_them():
    for room in ("generators", "classifiers", "evaluation", "preprocessing", "datasets"):
        assert "networks" not in importers(f"hs_specaug.{room}")


def test_perturbations_know_no_room_beside_them():
    for room in ("generators", "classifiers", "evaluation", "networks", "preprocessing"):
        assert "perturbations" not in importers(f"hs_specaug.{room}")


def test_only_signals_know_the_strategies():
    assert importers("hs_specaug.strategies") <= {"strategies", "signals"}


def test_studies_stand_between_evaluation_and_strategies():
    assert importers("hs_specaug.studies") <= {"studies", "strategies", "signals"}


def test_metrics_are_functions_of_rows():
    """They know neither folds nor reports, only each other."""
    metrics = Path("evaluation") / "metrics"
    known = {name for path in SOURCES if path.parent == metrics for name in imports_of(path)}
    inside = {name for name in known if name.startswith("hs_specaug.evaluation")}
    assert inside
    assert all(name.startswith("hs_specaug.evaluation.metrics") for name in inside)


def test_perturbing_arrays_does_not_load_torch():
    loaded = loaded_by(
        "import numpy as np, hs_specaug\n"
        "shift = hs_specaug.make_perturbation('shift')\n"
        "shift(np.ones((3, 16)), random_state=0)"
    )
    assert "array_api_compat" in loaded
    assert "torch" not in loaded


def test_modules_stay_short():
    long = {str(p): len((PACKAGE / p).read_text().splitlines()) for p in SOURCES}
    assert {path: lines for path, lines in long.items() if lines > 400} == {}


# --- the wheel -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel."""
    pytest.importorskip("build", reason="needs the package `build`; install hs_specaug[dev]")
    folder = tmp_path_factory.mktemp("wheel")
    # With the build backend at hand nothing has to be downloaded.
    backend = all(importlib.util.find_spec(name) for name in ("hatchling", "trove_classifiers"))
    isolation = ["--no-isolation", "--skip-dependency-check"] if backend else []
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", *isolation, "--outdir", folder, ROOT],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Install the wheel into a folder of its own."""
    target = tmp_path_factory.mktemp("installed")
    command = ["install", "--quiet", "--no-deps", "--no-index", "--target", target, wheel]
    subprocess.run([sys.executable, "-m", "pip", *command], check=True)
    return target


def test_wheel_contains_what_is_no_module(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    stubs = {f"hs_specaug/{p.relative_to(PACKAGE)}" for p in PACKAGE.rglob("*.pyi")}
    assert len(stubs) >= 3
    assert stubs | {f"hs_specaug/{EXTENSION}", "hs_specaug/py.typed"} <= names
    assert {f"hs_specaug/{p}" for p in SOURCES} <= names


def test_wheel_contains_nothing_else(wheel):
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"hs_specaug", f"hs_specaug-{hs_specaug.__version__}.dist-info"}


INSTALLED = """
import hyperspy.api as hs, numpy as np
from hyperspy.extensions import ALL_EXTENSIONS
ours = {n for n, e in ALL_EXTENSIONS["signals"].items() if e["module"] == "hs_specaug.signals"}
s = hs.signals.Signal1D(np.ones((4, 16)))
s.set_signal_type("EELS_specaug")
s.set_labels([0, 0, 1, -1], classes=["core", "shell"])
s.save("labelled.hspy")
again = hs.load("labelled.hspy")
import hs_specaug
print(hs_specaug.__file__)
print(*sorted(ours))
print(type(again).__name__, again.class_counts())
print(*hs_specaug.list_generators())
"""


def test_hyperspy_knows_the_types_of_the_installed_wheel(installed, tmp_path):
    lines = run_python(INSTALLED, path=installed, cwd=tmp_path).splitlines()
    origin, classes, loaded, generators = lines[-4:]
    assert Path(origin).is_relative_to(installed)
    assert set(classes.split()) == set(REGISTERED)
    assert loaded == "AugmentableEELSSpectrum {'core': 2, 'shell': 1}"
    assert {"three-player", "smote", "borderline-smote", "random"} <= set(generators.split())


# --- examples in the text ------------------------------------------------------------------


def python_blocks(page):
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE)


RUNNABLE = [page for page in PAGES if python_blocks(page)]


def test_readme_shows_the_user_how():
    first = python_blocks(ROOT / "README.md")[0]
    for call in ("hs.load(", ".set_labels(", ".preprocess(", ".train_generator(", ".augment("):
        assert call in first
    assert len([line for line in first.splitlines() if line]) == 10


@pytest.mark.filterwarnings("ignore::hs_specaug.exceptions.SpecAugWarning")
@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_in_the_text_runs(page, tmp_path, monkeypatch):
    """Run the blocks of one page after another, on a small simulated map, for one epoch."""
    simulated = hs_specaug.datasets.core_shell_map(shape=(10, 12), labelled_fraction=0.3)
    label_map = simulated.labels
    simulated.clear_labels()
    load = hs.load

    def load_small(path, *args, **kwargs):
        if Path(path).exists():
            return load(path, *args, **kwargs)
        s = simulated.deepcopy()
        s.set_signal_type(kwargs.get("signal_type", "EELS"))
        return s.as_lazy() if kwargs.get("lazy") else s

    from hs_specaug.networks import TrainingLoop

    start = TrainingLoop.__init__

    def start_short(self, *args, epochs, **kwargs):
        start(self, *args, epochs=min(epochs, 1), **kwargs)

    monkeypatch.setattr(TrainingLoop, "__init__", start_short)
    monkeypatch.setattr(hs, "load", load_small)
    monkeypatch.setattr(hs.preferences.General, "show_progressbar", False)
    monkeypatch.chdir(tmp_path)
    namespace = {"label_map": label_map}
    for number, block in enumerate(python_blocks(page)):
        exec(compile(block, f"{page.name}, block {number}", "exec"), namespace)
