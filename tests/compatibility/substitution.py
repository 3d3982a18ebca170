"""A pytest plugin: the tests of HyperSpy and eXSpy get our classes where they name theirs."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hs_specaug import signals

SUITES = ("hyperspy.tests", "exspy.tests")
OURS: dict[str, dict[str, type]] = {
    "hyperspy.signals": {
        "Signal1D": signals.AugmentableSpectrum,
        "Signal2D": signals.AugmentableImage,
        "ComplexSignal1D": signals.ComplexImpedanceSpectrum,
        "LazySignal1D": signals.LazyAugmentableSpectrum,
        "LazySignal2D": signals.LazyAugmentableImage,
        "LazyComplexSignal1D": signals.LazyComplexImpedanceSpectrum,
    },
    "exspy.signals": {
        "EELSSpectrum": signals.AugmentableEELSSpectrum,
        "EDSTEMSpectrum": signals.AugmentableEDSTEMSpectrum,
        "EDSSEMSpectrum": signals.AugmentableEDSSEMSpectrum,
        "LazyEELSSpectrum": signals.LazyAugmentableEELSSpectrum,
        "LazyEDSTEMSpectrum": signals.LazyAugmentableEDSTEMSpectrum,
        "LazyEDSSEMSpectrum": signals.LazyAugmentableEDSSEMSpectrum,
    },
}


def _asked_by_a_test(depth: int) -> bool:
    """Return whether the frame ``depth`` above the caller's belongs to one of the suites."""
    return str(sys._getframe(depth + 1).f_globals.get("__name__")).startswith(SUITES)


def substitute_classes(module_name: str, ours: Mapping[str, type]) -> None:
    """Let a module of signals give our classes to tests, and its own to everybody else.

    The libraries themselves keep their own: that a plain signal works is not what is tested.
    """
    module = importlib.import_module(module_name)
    theirs = {name: getattr(module, name) for name in ours}
    fallback = module.__dict__.get("__getattr__")
    for name in ours:
        module.__dict__.pop(name, None)  # else the function below is never asked

    def __getattr__(name: str) -> Any:
        if name in ours:
            return (ours if _asked_by_a_test(1) else theirs)[name]
        if fallback is not None:
            return fallback(name)
        raise AttributeError(f"module {module_name!r} has no attribute {name!r}")

    module.__dict__["__getattr__"] = __getattr__


def substitute_example_data() -> None:
    """Let eXSpy's example data be of our types when a test asks for them."""
    import exspy.data

    for name in exspy.data.__all__:
        load = getattr(exspy.data, name)
        if callable(load):
            setattr(exspy.data, name, _converted(load))


def use_hydrogenic_edges() -> None:
    """Let EELS edges, unless told otherwise, be hydrogenic: eXSpy downloads the tabulated ones."""
    from exspy.components import EELSCLEdge

    init = EELSCLEdge.__init__

    @functools.wraps(init)
    def init_hydrogenic(
        self: Any, element_subshell: Any, GOS: str = "dft", gos_file_path: Any = None
    ) -> None:
        tabulated = GOS == "dft" and gos_file_path is None
        init(self, element_subshell, "hydrogenic" if tabulated else GOS, gos_file_path)

    EELSCLEdge.__init__ = init_hydrogenic


def _converted(load: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(load)
    def load_as_ours(*args: Any, **kwargs: Any) -> Any:
        result = load(*args, **kwargs)
        if not _asked_by_a_test(1):
            return result
        if isinstance(result, tuple):
            return tuple(signals.as_augmentable(signal) for signal in result)
        return signals.as_augmentable(result)

    return load_as_ours


def label(signal: Any) -> None:
    """Label every position of a signal: two classes in turn, every fifth position none."""
    shape = signal.axes_manager.navigation_shape[::-1]
    positions = np.arange(int(np.prod(shape)))
    codes = np.where(positions % 5 == 4, -1, positions % 2)
    signal.set_labels(codes.reshape(shape), classes=["core", "shell"])


class Substitution:
    """What the tests get, and which of them fail for a reason that is written down.

    Parameters
    ----------
    must_fail : dict of str to str
        Test, as ``hyperspy/tests/signals/test_2D.py::Test2D::test_crop``, and the reason.
    skipped : dict of str to str
        Beginnings of the names of tests, or whole files of them, to leave out, and the reason.
    plain : bool
        Leave the libraries their own classes, to see what fails without ours.
    labelled : bool
        Label what tests make.
    downloads : bool
        Let tests fetch data.
    """

    def __init__(
        self,
        must_fail: Mapping[str, str],
        skipped: Mapping[str, str],
        *,
        plain: bool,
        labelled: bool,
        downloads: bool,
    ) -> None:
        self.must_fail = {} if plain else must_fail
        self.skipped = skipped
        self.plain = plain
        self.labelled = labelled
        self.downloads = downloads
        self.made = 0

    def pytest_configure(self) -> None:
        """Substitute, before any test is imported."""
        if not self.downloads:
            use_hydrogenic_edges()
        if self.plain:
            return
        for module, ours in OURS.items():
            substitute_classes(module, ours)
            for cls in ours.values():
                self._watch(cls)
        substitute_example_data()

    def _watch(self, cls: type) -> None:
        """Count, and label, the signals of one class that tests make."""
        init: Callable[..., None] = cls.__init__

        @functools.wraps(init)
        def init_for_a_test(signal: Any, *args: Any, **kwargs: Any) -> None:
            init(signal, *args, **kwargs)
            if type(signal) is not cls or not _asked_by_a_test(1):
                return
            self.made += 1
            if self.labelled and not signal.metadata.has_item("SpecAug"):
                label(signal)

        cls.__init__ = init_for_a_test  # type: ignore[method-assign]

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Leave out a whole file that fetches data: it does so when it is imported."""
        path = collection_path.as_posix()
        files = [name for name in self.skipped if name.endswith(".py")]
        return True if any(path.endswith(f"/{name}") for name in files) else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Mark the listed tests as failing, strictly: one that passes is an error."""
        names = {name_of_test(item) for item in items}
        for item in items:
            name = name_of_test(item)
            if name in self.must_fail:
                reason = self.must_fail[name]
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
            for beginning, reason in self.skipped.items():
                if name.startswith(beginning):
                    item.add_marker(pytest.mark.skip(reason=f"needs a download: {reason}"))
        files = {name.partition("::")[0] for name in names}
        gone = [n for n in self.must_fail if n.partition("::")[0] in files and n not in names]
        if gone and not any("::" in argument for argument in config.args):
            raise pytest.UsageError(f"exceptions.toml lists tests that do not exist: {gone}")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say how many signals of ours the tests made."""
        what = "labelled " if self.labelled else ""
        terminalreporter.write_line(f"{self.made} {what}signals of hs_specaug made by tests")


def name_of_test(item: Any) -> str:
    """Return the name of a test, the same wherever the library is installed."""
    return f"{item.module.__name__.replace('.', '/')}.py::{item.nodeid.partition('::')[2]}"
