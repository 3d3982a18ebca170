"""A table of bad inputs and public methods: each cell is refused with help, or works.

Run as a program, this file writes the page of the documentation that shows the table.
"""

import functools
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from hyperspy.signals import BaseSignal

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "bad_inputs.md"


def load(name):
    found = sys.modules.get(name)
    if found is None:
        spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
        found = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found)
    return found


# In the order in which they import each other.
bad, called_rows, calls = map(load, ("_bad_data", "_bad_rows", "_bad_calls"))
public = load("_public_names")
expected = load("_bad_inputs_table")


@functools.cache
def cells():
    """Return (row, column, kind of rows) of all cells; a call of its own has no kind."""
    found = [
        (name, column, kind)
        for name, row in called_rows.DATA_ROWS.items()
        for column in called_rows.DATA[row.on]
        for kind in row.kinds
        if (name, column) not in calls.CALLS
    ]
    return found + [(name, column, "") for name, column in calls.CALLS]


def refusal(name, column, kind):
    """Return what the table says of a cell: how it is refused, or None where it works."""
    row = expected.TABLE.get(name, {})
    for message, columns in row.items():
        named = columns.split(", ")
        if column in named or f"{column} ({kind})" in named:
            return message
    return None


def snapshot(value):
    """Return what must not change in an input."""
    if isinstance(value, BaseSignal):
        data = None if value._lazy else value.data.tobytes()
        axes = repr([axis.get_axis_dictionary() for axis in value.axes_manager._axes])
        return data, value.metadata.as_dictionary().__repr__(), axes, value.labels.tobytes()
    return value.tobytes() if value.dtype != object else value.tolist()


def state_of_fitted():
    """Return what the estimators that the rows share were fitted to: the very same objects."""
    return {key: dict(vars(value)) for key, value in SHARED.items()}


SHARED = {}


@pytest.fixture(autouse=True)
def _no_progress(no_progressbar):
    pass


@pytest.fixture(scope="module", autouse=True)
def _shared():
    for name in ("smote", "cdragan", "cnn", "svm", "real-distance", "confidence"):
        SHARED[name] = bad.fitted(name)
    yield
    SHARED.clear()


def run(name, column, kind, tmp_path, monkeypatch):
    """Call what a cell stands for; return the inputs, those before, and a function that calls."""
    if (name, column) in calls.CALLS:
        tools = calls.Tools(tmp_path, monkeypatch)
        return (), lambda: calls.CALLS[name, column](tools)
    row = called_rows.DATA_ROWS[name]
    if row.on == "signal":
        inputs = (bad.signal(column, kind == "images"),)
    else:
        inputs = bad.rows(column)[: 1 if row.on == "X" else 2]
    return inputs, lambda: row.call(*inputs)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "column", "kind"), cells())
def test_cell(name, column, kind, tmp_path, monkeypatch):
    if column == "no CUDA":
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    if column == "read-only" and not Path("/sys/kernel").is_dir():
        pytest.skip("needs a folder that even the administrator cannot write to")
    if column == "full disk":
        pytest.importorskip("resource", reason="needs limits of the size of files")
    message = refusal(name, column, kind)
    inputs, call = run(name, column, kind, tmp_path, monkeypatch)
    before, fitted = [snapshot(value) for value in inputs], state_of_fitted()
    row = called_rows.DATA_ROWS.get(name)
    if message is None:
        result = call()
        check_result(result, column, near_the_top=name != "s.augment(generator)")
    else:
        error, text = bad.MESSAGES[message]
        with pytest.raises(error, match=f"(?s){text}") as caught:
            call()
        if column == "memory":
            assert_memory_helps(caught.value)
    if message is not None or row is None or not row.in_place:
        assert [snapshot(value) for value in inputs] == before, "an input was changed"
    if message is not None:
        for key, attributes in state_of_fitted().items():
            assert attributes.keys() == fitted[key].keys(), f"{key} is half fitted"
            assert all(attributes[k] is v for k, v in fitted[key].items()), f"{key} has changed"
    else:
        # A fit that works changes what is shared: fitted anew for the next cell.
        for key, attributes in state_of_fitted().items():
            if any(attributes.get(k) is not v for k, v in fitted[key].items()):
                vars(SHARED[key]).clear()
                vars(SHARED[key]).update(fitted[key])


def assert_memory_helps(error):
    said = f"{error} {' '.join(getattr(error, '__notes__', ()))}"
    assert "batch_size" in said or "allocate" in said


def check_result(result, column, near_the_top):
    """Refuse numbers that mean nothing in what worked."""
    parts = result if isinstance(result, tuple) else (result,)
    for part in parts:
        data = part.data if isinstance(part, BaseSignal) else part
        if not isinstance(data, np.ndarray) or data.dtype.kind not in "iufc" or not data.size:
            continue
        if near_the_top and column in ("uint8", "uint16", "int64") and data.dtype == column:
            # All counts are near the top of their type; what wraps around is far from it.
            assert data.min() > np.iinfo(column).max * 0.6
        if column not in ("NaN", "inf"):
            assert np.isfinite(data).all()


@pytest.mark.parametrize("image", [False, True], ids=["spectra", "images"])
def test_generated_counts_stay_in_the_type_of_the_signal(image):
    s = bad.signal(image=image)
    s.data = s.data * 4.0 - 100.0  # from below 0 to above 255
    generator = s.train_generator("random", random_state=0)
    counts = bad.signal("uint8", image)
    made = counts.augment(generator, {"core": 30}, random_state=0).data[bad.ROWS :]
    rows, _ = generator.sample({"core": 30}, random_state=0)
    wanted = np.clip(np.rint(rows.reshape(made.shape)), 0, 255)
    assert rows.min() < 0.0 < 255.0 < rows.max()
    np.testing.assert_array_equal(made, wanted.astype(np.uint8))


def test_every_public_name_has_a_row():
    covered = {name for row in called_rows.DATA_ROWS.values() for name in row.covers.split()}
    covered |= {name for names in calls.CALLED.values() for name in names.split()}
    names = public.public_names()
    assert not covered - names, "rows stand for names that are not there"
    left = names - covered
    exempt = {p: {name for name in left if name.startswith(p)} for p in expected.EXEMPT}
    assert not left - set().union(*exempt.values()), "public names without a row or a reason"
    assert not [p for p, found in exempt.items() if not found], "reasons for what is not there"


def test_table_names_only_what_there_is():
    assert set(expected.TABLE) <= {name for name, _, _ in cells()}
    for name, row in expected.TABLE.items():
        assert set(row) <= set(bad.MESSAGES)
        known = {column for n, column, _ in cells() if n == name}
        known |= {f"{column} ({kind})" for n, column, kind in cells() if n == name}
        for columns in row.values():
            assert set(columns.split(", ")) <= known, name


# ------------------------------------------------------------------------------------- the page


def page():
    """Return the page of the documentation: what each cell does."""
    lines = [expected.HEAD.rstrip(), "", "| what is bad | in words |", "| --- | --- |"]
    lines += [f"| {column} | {words} |" for column, words in bad.COLUMNS.items()]
    lines += ["", "## Method by method", "", expected.BEFORE_TABLE.rstrip(), ""]
    lines += ["| method | works with | is refused |", "| --- | --- | --- |"]
    outcomes = {}
    for name, column, kind in cells():
        outcomes.setdefault(name, {}).setdefault(column, {})[kind] = refusal(name, column, kind)
    for name, row in outcomes.items():
        works, refused = [], {}
        for column, kinds in row.items():
            alike = len(set(kinds.values())) == 1
            for kind, message in list(kinds.items())[: 1 if alike else None]:
                target = works if message is None else refused.setdefault(message, [])
                target.append(column if alike else f"{column} ({kind})")
        said = "; ".join(f"*{m}*: {', '.join(columns)}" for m, columns in refused.items())
        lines.append(f"| `{name}` | {', '.join(works) or '–'} | {said or '–'} |")
    return "\n".join(lines) + "\n"


def test_page_is_what_is_tested():
    assert PAGE.read_text(encoding="utf-8") == page(), (
        f"the table has changed; write the page anew: python {Path(__file__).name}"
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
