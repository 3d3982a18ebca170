"""The floors under a time: what this machine can do, and what a training step needs of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

# Of Adam: weight, gradient and two moments are read, weight and moments are written.
ADAM_READS_AND_WRITES = 7


def device() -> torch.device:
    """Where the package computes."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def synchronise() -> None:
    """Wait for the GPU, where there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def seconds(function: Callable[[], Any]) -> float:
    """Return how long one call takes."""
    synchronise()
    started = time.perf_counter()
    function()
    synchronise()
    return time.perf_counter() - started


def measure_peaks(quick: bool = False) -> dict[str, float]:
    """Return the best rates of matrix products and of copies that this machine shows."""
    n = 1024 if quick else (8192 if torch.cuda.is_available() else 3072)
    out = {}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        a, b = (torch.randn(n, n, device=device()).to(dtype) for _ in range(2))
        (a @ b).sum()  # the first product chooses a kernel
        best = min(seconds(partial(torch.matmul, a, b)) for _ in range(7))
        out[f"{name}_flop_per_second"] = 2 * n**3 / best
    source = torch.ones(2**24 if quick else 2**27, device=device())
    target = torch.empty_like(source)
    best = min(seconds(lambda: target.copy_(source)) for _ in range(7))
    out["copied_bytes_per_second"] = 2 * source.nbytes / best
    return out


class Cost(TorchDispatchMode):
    """Count what products and convolutions compute, and the bytes that they read and write.

    Everything between two of them is taken as free, as if it were fused into them, but for the
    weights and moments of a fused optimiser: a floor. (torch's own counter follows modules, and
    that breaks the gradient of a gradient.)

    Attributes
    ----------
    flop, bytes : int
        So far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.flop = self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        packet = func._overloadpacket
        if packet in flop_registry:
            self.flop += flop_registry[packet](*args, **kwargs, out_val=out)
            self.bytes += sum(x.nbytes for x in tree_leaves((args, out)) if isinstance(x, Tensor))
        elif packet is torch.ops.aten._fused_adam_:
            self.bytes += ADAM_READS_AND_WRITES * sum(x.nbytes for x in args[0])
        return out


def cost(function: Callable[[], Any]) -> dict[str, int]:
    """Return operations and bytes of one call."""
    with Cost() as found:
        function()
    return {"flop": found.flop, "bytes": found.bytes}
