"""The documentation says what is so: its numbers, its names, its plugin and its examples."""

import importlib
import importlib.metadata
import importlib.util
import inspect
import json
import os
import pkgutil
import re
import runpy
import subprocess
import sys
from pathlib import Path

import hyperspy.api as hs
import matplotlib.image
import pytest

import hs_specaug

ROOT = Path(__file__).resolve().parents[1]
DOCS, EXAMPLES = ROOT / "docs", ROOT / "examples"
MODULES = [
    "hs_specaug",
    *(
        f"hs_specaug.{module.name}"
        for module in pkgutil.iter_modules(hs_specaug.__path__)
        if not module.name.startswith("_")
    ),
]


def blocks(page, language):
    pattern = rf"^```{language}\n(.*?)^```"
    return re.findall(pattern, page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def imported(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- numbers -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def measured():
    return imported(DOCS / "_measured.py")


def test_measured_numbers_are_those_of_the_results(measured):
    for page in measured.PAGES:
        text = page.read_text("utf-8")
        assert measured.filled(text) == text, f"{page} is out of date: python docs/_measured.py"
        assert set(measured.BLOCKS) == {name for _, name, _ in measured.BLOCK.findall(text)}


def test_gain_is_the_paired_mean_of_the_results(measured):
    """One gain by hand, from the files themselves."""
    results = json.loads((ROOT / "benchmarks" / "results" / "few_shot.json").read_text("utf-8"))
    scores = results["scores"]["polymers"]
    by_split = [
        sum(cells["smote"]["macro_f"][i] - cells["none"]["macro_f"][i] for cells in scores.values())
        for i in range(5)
    ]
    mean, low, high = measured.gain("polymers", "smote", "none")
    assert mean == pytest.approx(sum(by_split) / 5 / len(scores))
    assert low < mean < high


def test_a_changed_number_is_noticed(measured):
    text = measured.PAGES[0].read_text("utf-8")
    wrong = text.replace("| smote | 0.182", "| smote | 0.183")
    assert wrong != text
    assert measured.filled(wrong) == text


def test_the_words_around_the_tables_still_hold(measured):
    """Sentences of the page that state a result in words."""
    page = measured.PAGES[0].read_text("utf-8")
    page = " ".join(page.split())
    assert "no trained generator was shown to be better than SMOTE" in page
    assert measured.who_wins().count(", and 0 beat SMOTE.") == 2
    assert "doing nothing scores above 0.9" in page
    none = [measured.page.by_seed("polymers", c)["none"] for c in measured.page.CLASSIFIERS]
    assert min(sum(scores.values()) / len(scores) for scores in none) > 0.9
    assert "`random` has most of it" in page
    gains = {m: measured.gain("impedance", m, "none")[0] for m in measured.compared_methods()}
    assert gains["random"] > 0.5 * max(gains.values())
    assert "over-sampling pays, `few-shot` most of all, and `three-player` did not" in page
    table = (DOCS / "_static" / "examples" / "quickstart.md").read_text("utf-8")
    scores = dict(re.findall(r"^\| ([\w-]+) +\| (\d\.\d+) \[", table, re.MULTILINE))
    assert max(scores, key=lambda name: float(scores[name])) == "few-shot"
    assert "Better than no augmentation: random, smote, few-shot." in table
    assert "at macro F 0.92 instead of 0.78" in page
    assert round(float(scores["three-player"]), 2) == 0.78
    perturbation = " ".join((DOCS / "methods" / "perturbation.md").read_text("utf-8").split())
    assert "no composite of four was shown to beat doing nothing" in perturbation
    assert "**" not in measured.searches()


# --- names ---------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
def test_reference_has_every_public_name(module):
    reference = (DOCS / "api" / "index.rst").read_text("utf-8")
    if module == "hs_specaug.exceptions":
        assert ".. automodule:: hs_specaug.exceptions\n   :members:" in reference
        return
    listed = set(re.findall(r"^   (?:\w+\.)?(\w+)$", reference, flags=re.MULTILINE))
    listed |= set(re.findall(r"``(\w+)``", reference))
    public = importlib.import_module(module).__all__
    modules = {name.rpartition(".")[2] for name in MODULES}
    assert not {name for name in public if name not in listed} - modules


def test_reference_has_every_method_that_signals_learn():
    from hs_specaug import signals

    reference = (DOCS / "api" / "index.rst").read_text("utf-8")
    listed = set(re.findall(r"^   Augmentable\w+\.(\w+)$", reference, flags=re.MULTILINE))
    classes = [c for name in signals.__all__ if inspect.isclass(c := getattr(signals, name))]
    for cls in classes:
        if not issubclass(cls, hs.signals.BaseSignal):
            continue
        theirs = {
            m for base in cls.__mro__ if "hs_specaug" not in base.__module__ for m in dir(base)
        }
        ours = {
            name
            for base in cls.__mro__
            if "hs_specaug" in base.__module__
            for name, value in vars(base).items()
            if not name.startswith("_")
            and (inspect.isroutine(value) or isinstance(value, property))
        }
        assert not ours - theirs - listed, cls.__name__


def test_every_method_has_a_page_with_equations_paper_and_differences():
    index = (DOCS / "methods" / "index.md").read_text("utf-8")
    pages = dict(re.findall(r"^\| \[`([\w-]+)`\]\((\w+\.md)\)", index, flags=re.MULTILINE))
    assert set(pages) == {m for m in hs_specaug.list_generators() if m in installed_here()}
    for name, file in pages.items():
        text = (DOCS / "methods" / file).read_text("utf-8")
        assert f"`{name}`" in text or f'"{name}"' in text, name
        assert "$$" in text, f"{file} has no equation"
        assert re.search(r"\(\d{4}\)|\b(19|20)\d{2}\b|No paper", text), f"{file} names no paper"
        said = r"differs|What we chose|Choices, and why|A reading|How it was chosen|\| here \|"
        assert re.search(said, text), f"{file} does not say what was changed"
        assert re.search(r"struggles?\b|when not", text), f"{file} does not say when it fails"


def installed_here():
    """Return the names of this package's own generators, whatever else is installed."""
    points = importlib.metadata.distribution("hs_specaug").entry_points
    return {point.name for point in points if point.group == "hs_specaug.generators"}


def test_every_page_of_the_user_guide_is_in_its_table_of_contents():
    guide = DOCS / "user_guide"
    index = (guide / "index.md").read_text("utf-8")
    toctree = re.search(r"```\{toctree\}(.*?)```", index, flags=re.DOTALL)[1].split()
    assert {page.stem for page in guide.glob("*.md")} - {"index"} <= set(toctree)
    tasks = re.findall(r"^\| ([a-z ]+) \|", index, flags=re.MULTILINE)
    assert tasks[:4] == ["task", "label", "preprocess", "perturb"]
    assert tasks[4:] == ["generate", "augment", "classify", "evaluate", "scale out", "extend"]


# --- what can go wrong ---------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::hs_specaug.exceptions.SpecAugWarning")
def test_what_can_go_wrong_goes_wrong(tmp_path, monkeypatch, capsys, no_progressbar):
    """The blocks of the page show what their text says."""
    monkeypatch.chdir(tmp_path)
    shown, found = [], {}
    for block in blocks(DOCS / "user_guide" / "what_can_go_wrong.md", "python"):
        exec(compile(block, "what_can_go_wrong.md", "exec"), found)
        shown.append(capsys.readouterr().out)
    assert found["leaked"] > 0.65
    assert found["honest"] < 0.55
    assert "were seen by the generator" in shown[1]
    assert all(n > 20 for n in found["copies"].values())
    verdict = shown[3].split("diversity")[0]
    assert "recall" in verdict
    assert "coverage" in verdict
    assert "precision" not in verdict
    assert found["likelihood"]["after"] < found["likelihood"]["before"]
    assert "polyacetal" in shown[6]
    assert "615 to 684.9 eV" in shown[7]
    assert "616 to 685.9 eV" in shown[7]
    assert "60 spectra are there twice" in shown[8]
    assert found["fooled"] > 0.75
    assert found["sober"] < 0.65


# --- the plugin of "Add a method" ------------------------------------------------------------

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "my-package"
version = "0"

[tool.hatch.build.targets.wheel]
packages = ["my_package"]
"""
CLASSIFIER = """
from sklearn.neighbors import KNeighborsClassifier as MyClassifier
"""
USE = """
import hs_specaug
assert {"jitter"} <= set(hs_specaug.list_generators())
assert {"my-network"} <= set(hs_specaug.list_classifiers())
s = hs_specaug.datasets.polymer_spectra(step_per_cm=50.0)
generator = s.train_generator("jitter", width=0.1, random_state=0)
again = hs_specaug.load_generator(generator.save("jitter.safetensors"))
assert (again.sample({"silica": 3})[0] == generator.sample({"silica": 3})[0]).all()
result = s.classify("my-network", augmentation="jitter", random_state=0)
print(s.augment("jitter", random_state=0).balanced_ratio, result.augmentation)
"""

CHECKS = """
import pytest
from imblearn.utils.estimator_checks import parametrize_with_checks as of_imblearn
from my_package import JitterGenerator
from sklearn.utils.estimator_checks import parametrize_with_checks as of_sklearn

@of_sklearn([JitterGenerator()])
def test_scikit_learn(estimator, check):
    check(estimator)

@of_imblearn([JitterGenerator(random_state=0)])
def test_imbalanced_learn(estimator, check):
    check(estimator)
"""


def test_the_plugin_of_the_page_installs_and_works_by_name(tmp_path):
    """Class and entry points as printed: a package, installed as a user would, and checked."""
    if not all(importlib.util.find_spec(name) for name in ("hatchling", "trove_classifiers")):
        pytest.skip("needs hatchling to build without a network; install hs_specaug[dev]")
    page = DOCS / "extending.md"
    package = tmp_path / "source" / "my_package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(blocks(page, "python")[0] + CLASSIFIER, "utf-8")
    project = PROJECT + "\n".join(blocks(page, "toml"))
    (package.parent / "pyproject.toml").write_text(project, "utf-8")
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target"]
    command = [sys.executable, "-m", "pip", "install", *options, tmp_path / "site", package.parent]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    run = {"capture_output": True, "text": True, "cwd": tmp_path}
    run["env"] = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "SCIPY_ARRAY_API": "1"}
    done = subprocess.run([sys.executable, "-c", USE], **run)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1.0", "jitter"]

    (tmp_path / "test_checks.py").write_text(CHECKS, "utf-8")
    options = ["-q", "-p", "no:cacheprovider", "test_checks.py"]
    done = subprocess.run([sys.executable, "-m", "pytest", *options], **run)
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 40


# --- the gallery ---------------------------------------------------------------------------

LONG = sorted(p for p in EXAMPLES.glob("*.py") if not p.name.startswith("_"))
SHORT = sorted((EXAMPLES / "tasks").glob("*.py"))


@pytest.mark.parametrize("path", [*LONG, *SHORT], ids=lambda p: p.stem)
def test_example_opens_with_a_headline(path):
    text = path.read_text("utf-8")
    title, rule = text.splitlines()[1:3]
    assert text.startswith('"""\n')
    assert set(rule) == {"="}
    assert len(rule) == len(title)
    assert text.count("\n# %%\n") >= 3


@pytest.mark.parametrize("path", LONG, ids=lambda p: p.stem)
def test_example_that_is_not_run_shows_its_figure_and_table(path):
    text = path.read_text("utf-8")
    figure = f"_static/examples/{path.stem}.png"
    assert f'# sphinx_gallery_thumbnail_path = "{figure}"' in text
    assert f"# .. image:: /{figure}\n#    :alt: " in text
    assert f"include:: /_static/examples/{path.stem}.md" in text
    image = matplotlib.image.imread(DOCS / figure)
    assert image.shape[1] >= 1000
    assert 0.02 < (image[..., :3].mean(axis=-1) < 0.9).mean() < 0.9
    assert (DOCS / figure).stat().st_size < 500_000
    table = (DOCS / figure).with_suffix(".md").read_text("utf-8")
    assert "[95 %]" in table or "accura" in table or "| augmentation |" in table


@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
@pytest.mark.parametrize("path", SHORT, ids=lambda p: p.stem)
def test_short_example_runs_and_draws(path, tmp_path, monkeypatch, no_progressbar):
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(path), run_name="__main__")
    assert plt.get_fignums()
