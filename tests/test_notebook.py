"""The notebook runs from its first cell to its last, in a kernel of its own."""

import json
import os
import sys
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="needs hs_specaug[dev]")
nbclient = pytest.importorskip("nbclient", reason="needs hs_specaug[dev]")
pytest.importorskip("ipykernel", reason="needs hs_specaug[dev]")

NOTEBOOK = Path(__file__).resolve().parents[1] / "examples" / "quickstart.ipynb"


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """Run the notebook once, and give its code cells with what they put out."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    # The kernel is this interpreter, whatever kernels are installed for others; nothing that the
    # user of this machine has configured takes part.
    home = tmp_path_factory.mktemp("jupyter")
    kernels = home / "kernels" / "python3"
    kernels.mkdir(parents=True)
    kernel = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
    }
    kernels.joinpath("kernel.json").write_text(json.dumps(kernel))
    settings = {
        "JUPYTER_PATH": str(home), "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "IPYTHONDIR": str(home / "ipython"), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    environment = {k: v for k, v in os.environ.items() if k != "MPLBACKEND"} | settings
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        client = nbclient.NotebookClient(notebook, timeout=240, kernel_name="python3")
        client.execute(cwd=str(home), env=environment)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def text_of(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


def images_in(cell):
    return [o for o in cell.outputs if "image/png" in o.get("data", {})]


def test_every_cell_puts_out_what_it_promises(cells):
    setup, label, look, preprocess, augment, classify, navigate, arrays = cells
    assert not setup.outputs
    assert "balanced ratio" in text_of(label)
    assert len(images_in(label)) == 1
    assert len(images_in(look)) == 2  # map, spectrum
    assert "AugmentableEELSSpectrum" in text_of(preprocess)
    assert "synthetic: " in text_of(augment)
    assert "macro" in text_of(classify)
    assert len(images_in(classify)) == 1
    assert len(images_in(navigate)) == 3  # map, spectrum, probabilities
    assert "Energy loss" in text_of(arrays)


def test_nothing_is_warned_of(cells):
    assert not [o for cell in cells for o in cell.outputs if o.get("name") == "stderr"]


def test_the_file_has_no_outputs():
    """They would grow the repository with every run."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
