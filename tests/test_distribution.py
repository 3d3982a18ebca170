"""What is handed to others: sdist, wheel, a clean environment, and one in which torch is broken."""

import importlib.util
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from hs_specaug._torch import needs_torch

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "hs_specaug"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REGISTERED = yaml.safe_load((PACKAGE / "hyperspy_extension.yaml").read_text())["signals"]

pytest.importorskip("build", reason="needs the package `build`; install hs_specaug[dev]")


def run(*command, **options):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(source, folder, *kinds):
    """Build distributions of a source tree, without downloading where that is possible."""
    backend = all(importlib.util.find_spec(name) for name in ("hatchling", "trove_classifiers"))
    isolation = ["--no-isolation", "--skip-dependency-check"] if backend else []
    run(sys.executable, "-m", "build", *kinds, *isolation, "--outdir", folder, source)


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """Give the sdist of the tree, and the wheel that is built of what is in it."""
    folder = tmp_path_factory.mktemp("dist")
    build(ROOT, folder, "--sdist")
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = (path for path in folder.iterdir() if path.is_dir())
    build(unpacked, folder, "--wheel")
    (wheel,) = folder.glob("*.whl")
    return unpacked, wheel


@pytest.fixture(scope="module")
def python(distributions, tmp_path_factory):
    """Give the interpreter of a new environment with the wheel, and the dependencies at hand."""
    home = tmp_path_factory.mktemp("clean") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", home)
    interpreter = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(run(interpreter, "-c", where).strip())
    # A line of a .pth file adds a folder, but not the .pth files in it: an editable install of
    # this package stays out.
    dependencies = [path for path in sys.path if path.endswith("site-packages")]
    site.joinpath("dependencies.pth").write_text("\n".join(dependencies) + "\n")
    options = ["--quiet", "--no-deps", "--no-index", "--no-compile"]
    run(sys.executable, "-m", "pip", "--python", interpreter, "install", *options, distributions[1])
    return interpreter


@pytest.fixture
def in_clean(python, tmp_path):
    """Return a function that runs code in the new environment, in an empty folder."""

    def execute(code, first_on_path=None):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        environment |= {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
        if first_on_path is not None:
            environment["PYTHONPATH"] = str(first_on_path)
        return run(python, "-W", "ignore", "-c", code, cwd=tmp_path, env=environment).strip()

    return execute


# --- what is inside -------------------------------------------------------------------------


GENERATED = {"_build", "__pycache__", "gallery", "generated"}


def files_below(folder, *endings):
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.suffix in endings and not GENERATED & {*path.parts}
    }


def test_sdist_has_what_it_takes_to_build_test_and_document(distributions):
    unpacked, _ = distributions
    inside = {p.relative_to(unpacked).as_posix() for p in unpacked.rglob("*") if p.is_file()}
    needed = files_below("hs_specaug", ".py", ".pyi", ".yaml") | {"hs_specaug/py.typed"}
    needed |= files_below("tests", ".py", ".toml")
    needed |= files_below("docs", ".md", ".rst", ".py", ".css")
    needed |= files_below("examples", ".py", ".ipynb")
    needed |= {"pyproject.toml", "README.md", "CHANGES.md", "LICENSE", "CITATION.cff"}
    needed |= {"constraints.txt", "Makefile", "PKG-INFO"}
    assert needed - inside == set()
    unwanted = ("__pycache__", "/_build/", ".pyc", ".venv", ".safetensors", "output/", ".git/")
    assert not [name for name in inside if any(part in name for part in unwanted)]


def test_wheel_of_the_sdist_is_that_of_the_tree(distributions, tmp_path):
    build(ROOT, tmp_path, "--wheel")
    (direct,) = tmp_path.glob("*.whl")
    contents = []
    for wheel in (distributions[1], direct):
        with zipfile.ZipFile(wheel) as archive:
            contents.append({item.filename: item.CRC for item in archive.infolist()})
    assert contents[0] == contents[1]


# --- the clean environment ------------------------------------------------------------------


def test_the_environment_uses_the_wheel(in_clean, python):
    out = in_clean("import hs_specaug, sys; print(hs_specaug.__file__, hs_specaug.__version__)")
    origin, version = out.split()
    assert Path(origin).is_relative_to(python.parents[1])
    assert version in (ROOT / "hs_specaug/__init__.py").read_text()


def test_metadata_and_entry_points(in_clean):
    out = in_clean(
        "import json, importlib.metadata as m\n"
        "d = m.distribution('hs_specaug')\n"
        "points = {}\n"
        "for p in d.entry_points: points.setdefault(p.group, {})[p.name] = p.value\n"
        "print(json.dumps([points, sorted(d.metadata.get_all('Provides-Extra'))]))"
    )
    points, extras = yaml.safe_load(out)
    assert points == PROJECT["entry-points"]
    assert extras == sorted(PROJECT["optional-dependencies"])


EVERY_TYPE = """
import hyperspy.api as hs, numpy as np, importlib.metadata
made = []
for signal_type, shape, dtype in KINDS:
    signal = getattr(hs.signals, {1: "Signal1D", 2: "Signal2D"}[len(shape) - 1])
    if dtype == "complex128":
        signal = hs.signals.ComplexSignal1D
    s = signal(np.ones(shape, dtype))
    s.set_signal_type(signal_type)
    s.set_labels([0, 1, -1], classes=["core", "shell"])
    s.save("labelled.hspy", overwrite=True)
    for lazy in (False, True):
        again = hs.load("labelled.hspy", lazy=lazy)
        assert again.class_counts() == {"core": 1, "shell": 1}, again
        made.append(type(again).__name__)
        if lazy:
            again.close_file()
import hs_specaug
for group in ("generators", "classifiers", "perturbations"):
    for point in importlib.metadata.entry_points(group=f"hs_specaug.{group}"):
        point.load()
print(*made)
"""


def test_every_type_is_saved_and_loaded_and_every_method_imported(in_clean):
    kinds = {
        (entry["signal_type"], (3, 4, 5) if entry["signal_dimension"] == 2 else (3, 8),
         "complex128" if entry["dtype"] == "complex" else "float64")
        for entry in REGISTERED.values()
    }  # fmt: skip
    out = in_clean(EVERY_TYPE.replace("KINDS", repr(sorted(kinds))))
    assert set(out.splitlines()[-1].split()) == set(REGISTERED)


# --- without torch --------------------------------------------------------------------------

BROKEN = {
    "missing": 'raise ModuleNotFoundError("No module named \'torch\'", name="torch")',
    "damaged": 'raise OSError("libtorch_cpu.so: cannot open shared object file")',
}

WITHOUT_TORCH = """
import sys, hyperspy.api as hs, numpy as np
hs.preferences.General.show_progressbar = False
assert "torch" not in sys.modules
rng = np.random.default_rng(0)
s = hs.signals.Signal1D(rng.random((40, 16)) + np.repeat([0, 1], [28, 12])[:, np.newaxis])
s.set_signal_type("EELS_specaug")
s.set_labels(np.repeat([0, 1], [28, 12]), classes=["core", "shell"])
s.save("labelled.hspy", overwrite=True)
s = hs.load("labelled.hspy").preprocess(normalize="area").perturb("gain", random_state=0)
for method in ("smote", "few-shot", "gain+shift"):
    assert s.augment(method, random_state=0).balanced_ratio == 1.0
s.train_generator("smote").save("smote.safetensors")
import hs_specaug
hs_specaug.load_generator("smote.safetensors")
s.classify("KNeighborsClassifier", augmentation="smote", random_state=0)
s.to_arrays()
calls = [
    lambda: s.train_generator("three-player"),
    lambda: s.augment("dcgan"),
    lambda: s.classify("cnn"),
    lambda: s.to_dataset(),
    lambda: hs_specaug.make_classifier("ann"),
    lambda: hs_specaug.generators.DiffusionGenerator,
    lambda: hs_specaug.networks.TrainingLoop,
]
for call in calls:
    try:
        call()
    except ImportError as error:
        print(error)
    else:
        print("went through")
"""


@pytest.mark.parametrize("how", BROKEN)
def test_hyperspy_works_without_torch(how, in_clean, tmp_path_factory):
    """Importing, labels and what needs no network; a clear word from what needs one."""
    fake = tmp_path_factory.mktemp("first")
    (fake / "torch").mkdir()
    (fake / "torch" / "__init__.py").write_text(BROKEN[how] + "\n")
    messages = in_clean(WITHOUT_TORCH, first_on_path=fake).splitlines()
    assert len(messages) == 7
    reason = BROKEN[how].split('"')[1].replace("\\", "")
    for message in messages:
        assert "needs PyTorch, which cannot be imported" in message
        assert reason in message
        assert "https://pytorch.org" in message


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="of its own"), needs_torch("a module"):
        raise RuntimeError("of its own")
    with pytest.raises(AttributeError, match="no such name"), needs_torch("a module"):
        raise AttributeError("no such name")


def test_torch_for_another_numpy_is_named(monkeypatch):
    def broken(name):
        raise RuntimeError("module compiled against ABI version 0x1000009")

    monkeypatch.setattr("importlib.import_module", broken)
    with (
        pytest.raises(ImportError, match=r"a module needs PyTorch.*ABI version"),
        needs_torch("a module"),
    ):
        raise RuntimeError("module compiled against ABI version 0x1000009")
