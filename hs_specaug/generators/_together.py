"""Several repetitions of one method, trained as one vectorised model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._refusals import check_known
from ..networks import TrainingLoop, active_group
from ..networks._stacked import NotStackable
from ..networks._stacked_loop import StackedLoop
from ._checkpoint import _plain
from ._network_generator import NetworkGenerator
from ._played_draws import PlayedDraws
from ._run import Phases

#: Options with which repetitions cannot make the same steps, and the values that switch them off.
ALONE: dict[str, tuple[Any, str]] = {
    "checkpoint": (None, "a file holds the state of one training"),
    "diff_augment": (None, "its transforms draw random numbers of their own"),
    "spectral_norm": (False, "its power iteration changes weights in place"),
}

#: Most repetitions at once: every fit is inside the one before, and calls have a deepest level.
MOST = 64

Data = Sequence[tuple[ArrayLike, ArrayLike]]
Hearing = Callable[[int], AbstractContextManager]


def fit_together(generators: Sequence[NetworkGenerator], data: Data) -> list[NetworkGenerator]:
    """Fit repetitions of one method as one model, to the same results as one by one.

    All networks are trained in one loop over weights that are stacked, so that a GPU, which small
    networks leave idle most of the time, has work for all of them at once. Every repetition draws
    the random numbers that it would draw alone; what differs is rounding. A repetition whose
    loss becomes infinite, or whose samples collapse, is left out and fitted alone afterwards.

    Parameters
    ----------
    generators : sequence of NetworkGenerator
        Unfitted, of one class, with equal hyperparameters but `random_state`; at most 64. They
        are fitted in place.
    data : sequence of tuple (X, y)
        Training rows and labels of each generator, of equal shapes and numbers of classes. May
        be the same object again and again.

    Returns
    -------
    list of NetworkGenerator
        The generators, fitted as by ``generator.fit(X, y)``. `seconds_` is the share of each in
        the time of all. After Ctrl-C in the main phase all keep their best epoch, as alone.

    Raises
    ------
    ValueError
        If they cannot be trained together; the message says why. :func:`can_fit_together` asks.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.generators import CDRAGANGenerator, fit_together
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((12, 32))
    >>> y = np.array(["common"] * 10 + ["rare"] * 2)
    >>> generators = [CDRAGANGenerator(epochs=1, random_state=seed) for seed in range(3)]
    >>> fitted = fit_together(generators, [(X, y)] * 3)
    >>> [generator.sample({"rare": 2})[0].shape for generator in fitted]
    [(2, 32), (2, 32), (2, 32)]
    """
    return fit_in_company(list(generators), list(data), lambda r: nullcontext())


def fit_in_company(
    generators: list[NetworkGenerator], data: Data, hear: Hearing
) -> list[NetworkGenerator]:
    """Do what :func:`fit_together` does; ``hear(r)`` surrounds what repetition r has to say."""
    reason = obstacle(generators, data)
    if reason is not None:
        raise ValueError(
            f"these generators cannot be trained together: {reason}. Fit them one by one: "
            "[g.fit(X, y) for g, (X, y) in zip(generators, data)]"
        )
    try:
        left = _Company(generators, data, hear).fit()
    except NotStackable as error:
        raise ValueError(
            f"{generators[0].method} cannot be trained together: a loss {error}. Fit them one by "
            "one"
        ) from error
    for r in sorted(left):
        with hear(r):
            generators[r].fit(*data[r])
    return generators


def can_fit_together(generators: Sequence[Any], data: Data) -> bool:
    """Return whether :func:`fit_together` takes these generators and data.

    Parameters
    ----------
    generators, data
        See :func:`fit_together`.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.generators import CDRAGANGenerator, SMOTEGenerator, can_fit_together
    >>> X, y = np.eye(6), np.arange(6) % 2
    >>> can_fit_together([CDRAGANGenerator(random_state=seed) for seed in (0, 1)], [(X, y)] * 2)
    True
    >>> can_fit_together([SMOTEGenerator()] * 2, [(X, y)] * 2)
    False
    """
    return obstacle(list(generators), list(data)) is None


def obstacle(generators: Sequence[Any], data: Data) -> str | None:
    """Return why they cannot be trained together, None if they can."""
    if not generators or len(generators) != len(data):
        return f"one (X, y) is needed for each, got {len(generators)} and {len(data)}"
    if len(generators) > MOST:
        return f"{len(generators)} are more than {MOST}; fit them in groups"
    if len({id(generator) for generator in generators}) < len(generators):
        return "one of them is there twice; clone it and give it a seed of its own"
    kinds = {type(generator) for generator in generators}
    if len(kinds) > 1:
        return f"they are of {len(kinds)} methods: {', '.join(sorted(k.__name__ for k in kinds))}"
    if not getattr(generators[0], "trains_together", False):
        return f"{getattr(generators[0], 'method', type(generators[0]).__name__)} has no such path"
    if active_group() is not None:
        return "processes share the training (data_parallel)"
    return _unequal_parameters(generators) or _unequal_data(data)


def _unequal_parameters(generators: Sequence[NetworkGenerator]) -> str | None:
    first, *others = [generator.get_params(deep=False) for generator in generators]
    for name, (off, why) in ALONE.items():
        if first.get(name, off) != off:
            return f"{name}={first[name]!r}: {why}"
    for name, value in first.items():
        if name == "random_state":
            continue
        for other in others:
            if _plain(other[name]) != _plain(value):
                return f"{name} is {value!r} in one and {other[name]!r} in another"
    return None


def _unequal_data(data: Data) -> str | None:
    shapes = {X.shape if hasattr(X, "shape") else np.shape(X) for X, _ in data}
    if len(shapes) > 1:
        return f"X has the shapes {', '.join(map(str, sorted(shapes)))}"
    for _, y in data:
        try:
            check_known(y)
        except ValueError as error:
            return str(error)
    numbers = {len(np.unique(np.asarray(y))) for _, y in data}
    if len(numbers) > 1:
        return f"y has {', '.join(map(str, sorted(numbers)))} classes"
    return None


class _Company:
    """Fits that go in step, each inside the next, so that an error undoes all of them.

    Parameters
    ----------
    generators, data, hear
        See :func:`fit_in_company`.
    """

    def __init__(self, generators: Sequence[NetworkGenerator], data: Data, hear: Hearing) -> None:
        self.generators, self.data, self.hear = generators, data, hear
        self.phases: list[Phases] = []
        self.left: set[int] = set()

    def fit(self) -> set[int]:
        """Fit all; return the numbers of those that fell out of step."""
        self._fit_from(0)
        return self.left

    def _fit_from(self, r: int) -> None:
        if r == len(self.generators):
            self._run()
            return
        generator = self.generators[r]
        generator._conduct = partial(self._begin, r)
        try:
            generator.fit(*self.data[r])
        finally:
            del generator._conduct

    def _begin(self, r: int, phases: Phases) -> None:
        self.phases.append(phases)
        self._fit_from(r + 1)

    def _run(self) -> None:
        """Run every phase of all fits, until the last one is over."""
        while True:
            present = [r for r in range(len(self.phases)) if r not in self.left]
            loops = [self._next(r) for r in present]
            running = [loop for loop in loops if loop is not None]
            if not running:
                return
            if len(running) < len(loops):
                raise NotStackable("is asked for in some repetitions only")
            gone = self._train(running)
            self.left |= {present[i] for i in gone}

    def _next(self, r: int) -> TrainingLoop | None:
        with self.hear(r):
            return next(self.phases[r], None)

    def _train(self, loops: Sequence[TrainingLoop]) -> set[int]:
        draws: list[Any] = [loop.sources["draws"] for loop in loops]
        source = PlayedDraws(draws, loops[0].modules)
        return StackedLoop(loops, source).fit_loop().left
