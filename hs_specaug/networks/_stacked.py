"""Networks of one kind as one: their weights in one tensor each, with an axis for the network."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from ._device import DTYPES, Precision

#: What autocast computes in a lower precision.
PRODUCTS = {
    F.linear,
    torch.conv1d,
    torch.conv2d,
    torch.conv_transpose1d,
    torch.conv_transpose2d,
    torch.addmm,
    torch.baddbmm,
    torch.bmm,
    torch.einsum,
    torch.matmul,
    torch.mm,
    Tensor.__matmul__,
    Tensor.bmm,
    Tensor.matmul,
    Tensor.mm,
}
#: What takes rows of a lower precision with weights of the full one, but not inside vmap.
NORMS = {F.batch_norm, F.group_norm, F.layer_norm}


class NotStackable(ValueError):
    """Losses that cannot be computed for all members at once."""


_INSIDE: ContextVar[bool] = ContextVar("inside a stack", default=False)


def inside_stack() -> bool:
    """Whether what is computed now is computed for all members of a stack at once."""
    return _INSIDE.get()


class LowPrecision(TorchFunctionMode):
    """What autocast does, also inside vmap, where autocast passes most products by.

    Parameters
    ----------
    dtype : torch.dtype
        Of products.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Convert what goes into products, and into norms and out of them."""
        kwargs = kwargs or {}
        if func in PRODUCTS:
            low = [self._low(value) for value in args]
            return func(*low, **{name: self._low(value) for name, value in kwargs.items()})
        if func in NORMS and args[0].dtype == self.dtype:
            return func(args[0].float(), *args[1:], **kwargs).to(self.dtype)
        return func(*args, **kwargs)

    def _low(self, value: Any) -> Any:
        single = isinstance(value, Tensor) and value.dtype == torch.float32
        return value.to(self.dtype) if single else value


def _slots(modules: Mapping[str, nn.Module]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the places of all weights and buffers, in the order of the modules."""
    seen: set[int] = set()
    for module in itertools.chain.from_iterable(m.modules() for m in modules.values()):
        if id(module) in seen:
            continue
        seen.add(id(module))
        for places in (module._parameters, module._buffers):
            for name, tensor in places.items():
                if tensor is not None:
                    yield places, name


class Stack:
    """Weights and buffers of several sets of modules, as tensors with one more axis in front.

    The weights of the members become views of the stack: what changes the stack changes the
    members, until :meth:`dissolve` gives them memory of their own again.

    Parameters
    ----------
    members : sequence of mapping of str to torch.nn.Module
        Modules of the same kind in the same order, on one device. Calls of the modules of the
        first member compute for all inside :meth:`call`.

    Attributes
    ----------
    tensors : list of Tensor
        Of shape (members, ...); those of parameters are leaves.
    """

    def __init__(self, members: Sequence[Mapping[str, nn.Module]]) -> None:
        self._places: list[tuple[dict[str, Any], str, int]] = []
        self._members = [self._tensors_of(modules) for modules in members]
        self._place_template(members[0])
        self.tensors = [self._joined(parts) for parts in zip(*self._members, strict=True)]
        for r, member in enumerate(self._members):
            for own, joined in zip(member, self.tensors, strict=True):
                own.data = joined.detach()[r]

    @staticmethod
    def _tensors_of(modules: Mapping[str, nn.Module]) -> list[Tensor]:
        """Return weights and buffers, shared ones once."""
        found = {id(places[name]): places[name] for places, name in _slots(modules)}
        return list(found.values())

    def _place_template(self, modules: Mapping[str, nn.Module]) -> None:
        number = {id(tensor): i for i, tensor in enumerate(self._members[0])}
        self._number = number
        for places, name in _slots(modules):
            self._places.append((places, name, number[id(places[name])]))

    @staticmethod
    def _joined(parts: Sequence[Tensor]) -> Tensor:
        joined = torch.stack([part.detach() for part in parts])
        return joined.requires_grad_(isinstance(parts[0], nn.Parameter))

    def of(self, parameters: Sequence[nn.Parameter]) -> list[Tensor]:
        """Return the stacked tensors of some `parameters` of the first member."""
        return [self.tensors[self._number[id(p)]] for p in parameters]

    def call(
        self, function: Callable[[Any], Any], values: Any, precision: Precision | None = None
    ) -> Any:
        """Compute `function`, which uses the modules of the first member, for all members.

        Parameters
        ----------
        function : callable
            Takes the values of one member; draws nothing itself.
        values : nested lists and tuples of Tensor
            Of shape (members, ...).
        precision : Precision or None
            Arithmetic of the products; None is float32.

        Raises
        ------
        NotStackable
            If `function` does what torch cannot do for all members at once.
        """
        mode: Any = contextlib.nullcontext()
        if precision is not None and precision.name != "float32":
            mode = LowPrecision(DTYPES[precision.name])

        def one(tensors: list[Tensor], own: Any) -> Any:
            with self._lent(tensors), mode:
                return function(own)

        token = _INSIDE.set(True)
        try:
            return torch.func.vmap(one, randomness="error")(self.tensors, values)
        except RuntimeError as error:
            if "vmap" not in str(error) and "functorch" not in str(error):
                raise
            raise NotStackable(f"does what works on one repetition only ({error})") from error
        finally:
            _INSIDE.reset(token)

    @contextlib.contextmanager
    def _lent(self, tensors: Sequence[Tensor]) -> Iterator[None]:
        """Let the modules of the first member use `tensors`."""
        own = [places[name] for places, name, _ in self._places]
        try:
            for places, name, number in self._places:
                places[name] = tensors[number]
            yield
        finally:
            for (places, name, _), tensor in zip(self._places, own, strict=True):
                places[name] = tensor

    def dissolve(self) -> None:
        """Leave every member with weights of its own."""
        for member in self._members:
            for tensor in member:
                tensor.data = tensor.detach().clone()
