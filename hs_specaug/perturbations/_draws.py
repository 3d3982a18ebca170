"""Random numbers of a perturbation: exact under a seed for arrays, on the device for tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from sklearn.utils import check_random_state

# Rows share a random stream in blocks: one stream per row would cost more than cheap
# perturbations themselves, one stream for all would make results depend on the chunks.
ROWS_PER_STREAM = 32
# Counts of which not even the last digit changes any more.
HIGHEST_RATE = 1e18


def seed_from(random_state: Any) -> int:
    """Return a seed from what users give as `random_state`; a generator moves on."""
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(np.iinfo(np.int32).max))
    if isinstance(random_state, int | np.integer) and not isinstance(random_state, bool):
        if random_state < 0:
            raise ValueError(f"random_state must be an integer ≥ 0, got {random_state!r}")
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


class Draws(ABC):
    """Random numbers for n rows, one call after another.

    Every method returns an array of the library, device and type of the rows, of shape
    ``(n, *shape)``.
    """

    n: int

    @abstractmethod
    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Any:
        """Return numbers of uniform(low, high)."""

    @abstractmethod
    def normal(self, *shape: int, scale: float = 1.0) -> Any:
        """Return numbers of normal(0, scale²)."""

    @abstractmethod
    def poisson(self, rate: Any) -> Any:
        """Return Poisson numbers of the rates given, of shape (n, ...); no gradient."""

    @abstractmethod
    def select(self, rows: Any) -> Draws:
        """Return draws for the rows of a boolean mask or index array."""

    @abstractmethod
    def child(self) -> Draws:
        """Return draws for a part that must not disturb those that follow."""

    def sign(self, *shape: int) -> Any:
        """Return −1 or 1, equally likely."""
        u = self.uniform(*shape)
        return array_namespace(u).sign(u - 0.5)


class ArrayDraws(Draws):
    """Draws that depend on the seed and the number of a row alone.

    A row gets the same numbers whatever rows come with it: chunks, batches and workers give the
    same bits as one call.

    Parameters
    ----------
    key : tuple of int
        Seed, and the path of parts down to this one.
    rows : ndarray of int of shape (n,)
        Numbers of the rows.
    convert : callable
        Takes a float64 array to the library, device and type of the rows.
    """

    def __init__(
        self, key: tuple[int, ...], rows: np.ndarray, convert: Callable[[np.ndarray], Any]
    ) -> None:
        self.key, self.rows, self.convert = key, rows, convert
        self.n = len(rows)
        self._calls = 0

    def _stream(self, call: int, number: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence((*self.key, call, number)))

    def _next_call(self) -> int:
        self._calls += 1
        return self._calls

    def _blocks(self, draw: Callable[[np.random.Generator, tuple[int, ...]], np.ndarray], shape):
        call = self._next_call()
        out = np.empty((self.n, *shape))
        block = self.rows // ROWS_PER_STREAM
        for number in np.unique(block).tolist():
            values = draw(self._stream(call, number), (ROWS_PER_STREAM, *shape))
            here = block == number
            out[here] = values[self.rows[here] % ROWS_PER_STREAM]
        return self.convert(out)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Any:
        return self._blocks(lambda stream, size: stream.uniform(low, high, size), shape)

    def normal(self, *shape: int, scale: float = 1.0) -> Any:
        return self._blocks(lambda stream, size: scale * stream.standard_normal(size), shape)

    def poisson(self, rate: Any) -> Any:
        # How many random bits a Poisson number takes depends on its rate, so rows that share a
        # stream would depend on each other.
        call = self._next_call()
        rates = np.asarray(rate.detach().cpu() if hasattr(rate, "detach") else rate, dtype=float)
        if rates.size and rates.max() > HIGHEST_RATE:
            raise ValueError(
                f"a rate of {rates.max():.3g} counts leaves no noise in double precision, and "
                "values as high are hardly counts; say what the highest value of a row stands "
                "for, as in 'poisson(counts=1000)'"
            )
        out = np.empty_like(rates)
        for i, number in enumerate(self.rows.tolist()):
            out[i] = self._stream(call, number).poisson(rates[i])
        return self.convert(out)

    def select(self, rows: Any) -> ArrayDraws:
        rows = np.asarray(rows.cpu() if hasattr(rows, "cpu") else rows)
        return ArrayDraws((*self.key, self._next_call()), self.rows[rows], self.convert)

    def child(self) -> ArrayDraws:
        return ArrayDraws((*self.key, self._next_call()), self.rows, self.convert)


class TensorDraws(Draws):
    """Draws of a ``torch.Generator``, on its device, for use inside a training step.

    Parameters
    ----------
    generator : torch.Generator
        Moves on with every call.
    like : torch.Tensor of shape (n, ...)
        The rows.
    """

    def __init__(self, generator: Any, like: Any) -> None:
        import torch

        self._torch = torch
        self.generator, self.like = generator, like
        self.n = len(like)

    def _options(self) -> dict[str, Any]:
        return {
            "generator": self.generator,
            "device": self.like.device,
            "dtype": self.like.dtype,
        }

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Any:
        return low + (high - low) * self._torch.rand(self.n, *shape, **self._options())

    def normal(self, *shape: int, scale: float = 1.0) -> Any:
        return scale * self._torch.randn(self.n, *shape, **self._options())

    def poisson(self, rate: Any) -> Any:
        return self._torch.poisson(rate.detach(), generator=self.generator)

    def select(self, rows: Any) -> TensorDraws:
        return TensorDraws(self.generator, self.like[rows])

    def child(self) -> TensorDraws:
        return self
