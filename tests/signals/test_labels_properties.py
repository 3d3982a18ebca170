"""Labels under random sequences of operations: never one that the data do not bear out."""

import hyperspy.api as hs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from .conftest import check_labels, truth, values


def change(s, method, *args):
    s = s.deepcopy()
    getattr(s, method)(*args)
    return s


def there_and_back(s):
    s = change(s, "set_signal_type", "")
    return change(s, "set_signal_type", "spectrum_specaug")


def draw_slices(s, draw):
    slices = []
    for size in s.axes_manager.navigation_shape:
        start = draw(st.integers(0, size - 1))
        stop = draw(st.integers(start + 1, size))
        backwards = slice(stop - 1, start - 1 if start else None, -1)
        slices.append(draw(st.sampled_from([slice(start, stop), backwards])))
    return tuple(slices)


def draw_axis(s, draw):
    return draw(st.integers(0, s.axes_manager.navigation_dimension - 1))


def draw_scale(s, draw):
    # Lazy signals are rebinned by divisors of their shape only.
    sizes = s.axes_manager.navigation_shape
    return [*(draw(st.sampled_from([1] if n % 2 else [1, 2])) for n in sizes), 1]


def crop(s, draw):
    axis = draw_axis(s, draw)
    size = s.axes_manager[axis].size
    start = draw(st.integers(0, size - 1))
    return change(s, "crop", axis, start, draw(st.integers(start + 1, size)))


def transpose(s, draw):
    order = draw(st.permutations(range(s.axes_manager.navigation_dimension)))
    return s.transpose(navigation_axes=order)


# Each takes a signal and Hypothesis's draw, and returns another signal.
OPERATIONS = {
    "slice": lambda s, draw: s.inav[draw_slices(s, draw)],
    "pick": lambda s, draw: s.inav[draw(st.integers(0, s.axes_manager[0].size - 1))],
    "swap": lambda s, draw: s.swap_axes(draw_axis(s, draw), draw_axis(s, draw)),
    "transpose": transpose,
    "roll": lambda s, draw: s.rollaxis(draw_axis(s, draw), draw_axis(s, draw)),
    "crop": crop,
    "squeeze": lambda s, draw: s.squeeze(),
    "unfold": lambda s, draw: change(s, "unfold_navigation_space"),
    "unfold and fold": lambda s, draw: change(change(s, "unfold"), "fold"),
    "split": lambda s, draw: s.split(axis=draw_axis(s, draw), number_of_parts=1)[0],
    "copy": lambda s, draw: s.deepcopy(),
    "scale": lambda s, draw: s * 2.0,
    "plain and back": lambda s, draw: there_and_back(s),
    "stack": lambda s, draw: hs.stack([s, s], show_progressbar=False).inav[..., 1],
    "merge": lambda s, draw: s.sum(axis=draw_axis(s, draw)),
    "rebin": lambda s, draw: s.rebin(scale=draw_scale(s, draw)),
}
MERGING = ("merge", "rebin")


def check_every_label(s):
    """Check each label against the pixels that went into its spectrum, where they all agree."""
    codes, right = s.labels, truth(s.data.shape[-1])
    for row, code in zip(values(s).reshape(-1, s.data.shape[-1]), codes.ravel(), strict=True):
        agreed = set(right[np.flatnonzero(row)])
        assert code == (agreed.pop() if len(agreed) == 1 else -1)


# make_map returns a function and keeps nothing from one example to the next.
@pytest.mark.filterwarnings("ignore::hs_specaug.exceptions.LabelsDroppedWarning")
@given(
    data=st.data(),
    shape=st.lists(st.integers(2, 4), min_size=1, max_size=3),
    named=st.booleans(),
    steps=st.lists(st.sampled_from(list(OPERATIONS)), min_size=1, max_size=6),
)
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_sequence_of_operations_keeps_a_stale_map(make_map, data, shape, named, steps):
    """After any sequence, the data tell which pixels each label may speak for."""
    s = make_map(tuple(shape), ("z", "y", "x")[-len(shape) :] if named else ())
    for number, step in enumerate(steps):
        if not s.axes_manager.navigation_shape:
            break
        note(f"{step} on {s}")
        s = OPERATIONS[step](s, data.draw)
        check_every_label(s)
        if not set(steps[: number + 1]) & set(MERGING):
            check_labels(s)  # groups too, and every position has its label
