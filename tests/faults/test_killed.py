"""Processes killed at random moments leave whole files behind, and what they did goes on."""

import importlib
import os
from pathlib import Path

import hyperspy.api as hs
import numpy as np
import pytest

from hs_specaug.signals import AugmentableSpectrum
from hs_specaug.signals._result_files import write_folder

pytest.importorskip("zarr")
if not hasattr(os, "fork"):
    pytest.skip("needs os.fork", allow_module_level=True)

HERE = Path(__file__).parent


def check(found, kills):
    assert len(found) == 8
    for row in found:
        assert not row["failures"], (row["job"], row["failures"])
    # On a machine that is busy with other things, work may end before its kill comes.
    assert sum(row["killed"] for row in found) >= 0.5 * kills * len(found)


def test_a_few_kills(rows_of):
    check(rows_of("killing.py", "--kills", "1"), 1)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_thirty_kills_of_each_job(rows_of):
    check(rows_of("killing.py", "--kills", "30"), 30)


def test_a_half_written_file_would_be_noticed(tmp_path, monkeypatch):
    """The check itself: a writer that is not atomic fails it."""
    monkeypatch.syspath_prepend(str(HERE))
    import _jobs

    class Careless(_jobs.SavingGenerator):
        def save(self, thing, path):
            whole = thing.save(path.with_name("whole.safetensors"))
            path.write_bytes(whole.read_bytes()[:-100])
            whole.unlink()

    job = Careless(".safetensors")
    job.prepare(tmp_path)
    job.begin(tmp_path)
    with pytest.raises(ValueError, match=r"not a readable model file"):
        job.check(tmp_path)


# ------------------------------------------------------------------- signals, without a kill


@pytest.fixture
def labelled():
    s = AugmentableSpectrum(np.random.default_rng(0).random((3, 4, 5)))
    s.set_labels(np.arange(12).reshape(3, 4) % 2, classes=["a", "b"])
    return s


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("suffix", [".hspy", ".zspy"])
def test_a_failed_save_leaves_the_old_file(tmp_path, labelled, suffix, monkeypatch):
    path = tmp_path / "new folder" / f"s{suffix}"
    labelled.save(path)
    api = importlib.import_module(f"rsciio{suffix}")
    write = api.file_writer

    def write_until_full(*arguments, **keywords):
        write(*arguments, **keywords)
        raise OSError("disk full")

    monkeypatch.setattr(api, "file_writer", write_until_full)
    with pytest.raises(OSError, match="disk full"):
        (labelled * 2).save(path, overwrite=True)
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    np.testing.assert_array_equal(hs.load(path).data, labelled.data)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("suffix", [".hspy", ".zspy"])
@pytest.mark.parametrize("lazy", [False, True], ids=["eager", "lazy"])
def test_saving_is_that_of_hyperspy(tmp_path, labelled, suffix, lazy, monkeypatch):
    s = labelled.as_lazy() if lazy else labelled
    path = tmp_path / f"s{suffix}"
    s.save(str(path))
    assert s.tmp_parameters.folder == tmp_path
    assert (s.tmp_parameters.filename, s.tmp_parameters.extension) == ("s", suffix)
    (labelled * 2).save(path, overwrite=False)
    monkeypatch.setattr("builtins.input", lambda *_: "n")
    (labelled * 3).save(path)
    found = hs.load(path)
    np.testing.assert_array_equal(found.data, labelled.data)
    np.testing.assert_array_equal(found.labels, labelled.labels)
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    (labelled * 3).save(path)
    np.testing.assert_array_equal(hs.load(path).data, 3 * labelled.data)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_other_formats_are_left_to_hyperspy(tmp_path, labelled):
    labelled.inav[0, 0].save(tmp_path / "one.msa")
    labelled.save(tmp_path / "without a suffix")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.msa", "without a suffix.hspy"]


def test_a_folder_that_cannot_be_exchanged_stays(tmp_path, monkeypatch):
    path = tmp_path / "s.zspy"

    def write(part, text="old"):
        part.mkdir()
        (part / ".zgroup").write_text(text)

    write_folder(path, write)
    replace = Path.replace

    def refuse(self, target):
        if ".part-" in str(self.parent) and not self.name.startswith("old-"):
            raise OSError("no")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="no"):
        write_folder(path, lambda part: write(part, "new"))
    assert (path / ".zgroup").read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
