"""Networks of a file are built within what the file holds, whatever sizes its header claims."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

#: Values and tensors of a network that are not in its file: what its layers compute for themselves.
SPARE_VALUES, SPARE_TENSORS = 1 << 22, 1 << 10


class WithinBudget(TorchDispatchMode):
    """Refuse to make more or larger tensors than the weights of a file have use for.

    Parameters
    ----------
    state : mapping of str to Tensor
        The weights that the network is for.

    Raises
    ------
    ValueError
        At the first tensor too many, before it takes memory.
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        # A weight is made once, and drawn, scaled and normalised in a few copies.
        self.values = 8 * sum(value.numel() for value in state.values()) + SPARE_VALUES
        self.tensors = 32 * len(state) + SPARE_TENSORS

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count what operations make that take sizes and no tensors."""
        kwargs = kwargs or {}
        given = [b for a in (*args, *kwargs.values()) for b in (a if _is_list(a) else [a])]
        if not any(isinstance(value, Tensor) for value in given):
            self.values -= _size(args)
            self.tensors -= 1
            if self.values < 0 or self.tensors < 0:
                raise ValueError("the networks that its header describes are larger than the file")
        return func(*args, **kwargs)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _size(args: tuple[Any, ...]) -> int:
    """Return how many values an operation with these arguments makes, at most."""
    sizes = [a for a in args if _is_list(a)]
    if sizes:
        return math.prod(max(0, int(n)) for n in sizes[0])
    # Of ranges: their ends, or how many steps.
    return int(sum(abs(a) for a in args if isinstance(a, int | float)))
