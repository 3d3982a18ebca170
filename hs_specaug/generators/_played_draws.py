"""The draws of several repetitions, each from its own seeds, for losses of all at once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..networks import Losses
from ..networks._noise_layers import NoiseLayer
from ..networks._stacked import NotStackable
from ._draws import Draws

#: What a loss may ask of its draws.
DRAWN = (
    "real", "real_of", "noise", "normal", "labels", "integers", "wrong", "uniform", "missing",
    "class_counts", "inner_uniform",
)  # fmt: skip
#: Label of rows that only fill up; cross-entropies leave it out.
IGNORED = -100


class Earlier(NamedTuple):
    """What was drawn earlier in the same step: number of the call, place in what it returned."""

    call: int
    place: int


@dataclass
class Plan:
    """What a loss draws, in order: names of methods of :class:`Draws`, and their arguments."""

    calls: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)


class PlayedDraws:
    """Draws what the losses of all repetitions need before they are computed.

    Inside :func:`torch.func.vmap` no repetition could draw from its own generators. What a loss
    draws is always the same but for the numbers: it is listened to once, and from then on drawn
    for one repetition after the other, exactly as each would alone.

    Parameters
    ----------
    draws : sequence of Draws
        Of the repetitions.
    modules : mapping of str to torch.nn.Module
        Networks of the first one, whose noise layers draw from it.
    """

    def __init__(self, draws: Sequence[Draws], modules: Mapping[str, nn.Module]) -> None:
        self.draws = list(draws)
        self.noisy = {
            layer
            for module in modules.values()
            for layer in module.modules()
            if isinstance(layer, NoiseLayer) and layer.generator is self.draws[0].inner
        }

    @contextlib.contextmanager
    def _replaced(self, replacement: Callable[[str], Callable[..., Any]]) -> Iterator[None]:
        """Let `replacement(name)` answer for the methods of the first repetition."""
        own = vars(self.draws[0])
        own.update({name: replacement(name) for name in DRAWN})
        for layer in self.noisy:
            vars(layer)["uniform"] = own["inner_uniform"]
        try:
            yield
        finally:
            for layer in self.noisy:
                del vars(layer)["uniform"]
            for name in DRAWN:
                del own[name]

    def listen(self, losses: Callable[[], Losses]) -> Plan:
        """Run `losses` of the first repetition once and return what was drawn for it."""
        listener = _Listener(self.draws[0])
        with self._replaced(listener.replacement):
            losses()
        return listener.plan

    def draw(self, plan: Plan) -> tuple[list[Any], Tensor | None]:
        """Draw for all repetitions.

        Returns
        -------
        values : list
            For each call tensors of shape (repetitions, ...). Where a repetition has fewer rows
            than another they are filled up, labels with `IGNORED`.
        over_nothing : Tensor of bool of shape (repetitions,), or None
            Who has no row at all where others have some.
        """
        drawn = [_carry_out(plan, draws) for draws in self.draws]
        values = [_joined(parts) for parts in zip(*drawn, strict=True)]
        empty = [
            [not len(parts[0]) for parts in column]
            for (name, _), column in zip(plan.calls, zip(*drawn, strict=True), strict=True)
            if name == "missing"
        ]
        some = [e for e in empty if any(e) and not all(e)]
        over_nothing = torch.tensor(some, device=self.draws[0].device).any(dim=0) if some else None
        return [parts[0] if len(parts) == 1 else parts for parts in values], over_nothing

    @contextlib.contextmanager
    def played(self, plan: Plan, values: Sequence[Any]) -> Iterator[None]:
        """Let the first repetition draw `values`, one call after the other."""
        to_come = iter(zip(plan.calls, values, strict=True))

        def replacement(name: str) -> Callable[..., Any]:
            def draw(*args: Any) -> Any:
                (planned, _), value = next(to_come, (("nothing", ()), None))
                if planned != name:
                    raise NotStackable(f"draws {name!r} where it drew {planned!r} in another step")
                return value

            return draw

        with self._replaced(replacement):
            yield


class _Listener:
    """Draws as always and notes what was asked for."""

    def __init__(self, draws: Draws) -> None:
        self.draws, self.plan = draws, Plan()
        self._drawn: list[tuple[Tensor, Earlier]] = []
        self._inside = False

    def replacement(self, name: str) -> Callable[..., Any]:
        """Return what answers for the method `name`."""
        method = getattr(self.draws, name)

        def draw(*args: Any) -> Any:
            if self._inside:  # a method of the draws that uses another one
                return method(*args)
            self._inside = True
            try:
                result = method(*args)
            finally:
                self._inside = False
            if name == "missing" and not len(result):
                result = args[0][:1]  # what is done where something is missing is to be heard
            self._note(name, args, result)
            return result

        return draw

    def _note(self, name: str, args: tuple[Any, ...], result: Any) -> None:
        told = tuple(self._earlier(name, a) if isinstance(a, Tensor) else a for a in args)
        for place, tensor in enumerate(result if isinstance(result, tuple) else (result,)):
            self._drawn.append((tensor, Earlier(len(self.plan.calls), place)))
        self.plan.calls.append((name, told))

    def _earlier(self, name: str, tensor: Tensor) -> Any:
        for known, where in self._drawn:
            if known is tensor:
                return where
        if name == "real_of":  # the same classes in every step and every repetition
            return tensor
        raise NotStackable(f"draws {name!r} for rows that it computed")


def _carry_out(plan: Plan, draws: Draws) -> list[tuple[Tensor, ...]]:
    drawn: list[tuple[Tensor, ...]] = []
    for name, args in plan.calls:
        known = [drawn[a.call][a.place] if isinstance(a, Earlier) else a for a in args]
        result = getattr(draws, name)(*known)
        drawn.append(result if isinstance(result, tuple) else (result,))
    return drawn


def _joined(parts: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    return tuple(torch.stack(_of_one_length(tensors)) for tensors in zip(*parts, strict=True))


def _of_one_length(tensors: Sequence[Tensor]) -> list[Tensor]:
    longest = max(len(tensor) for tensor in tensors)
    filling = 0 if tensors[0].is_floating_point() else IGNORED
    return [
        F.pad(t, (*(0, 0) * (t.ndim - 1), 0, longest - len(t)), value=filling)
        if len(t) < longest
        else t
        for t in tensors
    ]
