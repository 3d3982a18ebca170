"""Convolution and LeakyReLU whose gradient is cheap to differentiate once more.

A gradient penalty moves the weights so that ∇ₓ D changes. Between its kinks a network of
convolutions and LeakyReLU is linear, so ∇ₓ D depends on the weights alone, by a chain of
transposed convolutions and factors 1 or `slope`; its derivative needs one pass forth and the
gradients of the weights. The general rules of autograd do more: they carry zeros back through the
pass that made D(x), since the second derivative of LeakyReLU is a tensor of zeros to them, and
they compute the gradients of the weights by convolutions whose kernels are as large as the rows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F

_WITHOUT_WEIGHTS: ContextVar[bool] = ContextVar("slopes without weights", default=False)


@contextlib.contextmanager
def slopes_only() -> Iterator[None]:
    """Promise that of what is computed here, only gradients of the rows are differentiated.

    Gradients of the weights that are asked for with ``create_graph=True`` would be missing.
    """
    token = _WITHOUT_WEIGHTS.set(True)
    try:
        yield
    finally:
        _WITHOUT_WEIGHTS.reset(token)


def transformed() -> bool:
    """Whether vmap or another transform is at work, which has rules for torch's own functions."""
    return torch._C._are_functorch_transforms_active()


def in_product_dtype(x: Tensor) -> Tensor:
    """Return `x` in the arithmetic that autocast wants of products, if it is switched on."""
    device = x.device.type
    known = x.dtype == torch.float32 and torch.amp.is_autocast_available(device)
    if not known or not torch.is_autocast_enabled(device):
        return x
    return x.to(torch.get_autocast_dtype(device))


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: tuple[int, ...],
    padding: str | tuple[int, ...],
) -> Tensor:
    """Convolve images (n, channels, height, width) as :func:`torch.nn.functional.conv2d` does."""
    if transformed() or isinstance(padding, str):
        return F.conv2d(x, weight, bias, stride, padding)
    low = [None if v is None else in_product_dtype(v) for v in (x, weight, bias)]
    return _Convolution.apply(*low, stride, padding, _WITHOUT_WEIGHTS.get())


class _Convolution(Function):
    """Convolution; its input gradient is a transposed convolution to whoever differentiates it."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        stride: tuple[int, ...],
        padding: tuple[int, ...],
        without_weights: bool,
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding, ctx.without_weights = stride, padding, without_weights
        ctx.bias_shape = None if bias is None else list(bias.shape)
        return F.conv2d(x, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        if torch.is_grad_enabled() and ctx.without_weights:
            return _input_gradient(ctx, gradient, x, weight), None, None, None, None, None
        found = torch.ops.aten.convolution_backward.default(
            gradient,
            x,
            weight,
            ctx.bias_shape,
            ctx.stride,
            ctx.padding,
            (1, 1),
            False,
            (0, 0),
            1,
            ctx.needs_input_grad[:3],
        )
        return (*found, None, None, None)


def _input_gradient(ctx: Any, gradient: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    stride, padding = ctx.stride, ctx.padding
    # What a stride leaves over at the end of the rows belongs to the input too.
    rest = [
        x.shape[2 + i]
        + 2 * padding[i]
        - weight.shape[2 + i]
        - stride[i] * (gradient.shape[2 + i] - 1)
        for i in range(2)
    ]
    return F.conv_transpose2d(gradient, weight, None, stride, padding, rest)


class LeakyReLU(nn.LeakyReLU):
    """LeakyReLU whose gradients keep the layout of its input.

    Gradients arrive in another one where a network is flattened; going through two layouts at
    once takes fifteen times as long as bringing one to the other.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Multiply negative values by `negative_slope`."""
        if not transformed():
            return _LeakyReLU.apply(x, self.negative_slope)
        if not _WITHOUT_WEIGHTS.get():
            return super().forward(x)
        # Factors that nobody differentiates: no zeros travel back here either.
        return x * torch.where(x.detach() > 0, 1.0, self.negative_slope).to(x.dtype)


class _LeakyReLU(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.slope = slope
        return F.leaky_relu(x, slope)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        # Detached, else a second derivative would go on to x, with zeros.
        return _Masked.apply(gradient, x.detach(), ctx.slope), None


class _Masked(Function):
    """What LeakyReLU does to gradients: factors that do not change with the rows, almost surely."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, x: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.slope = slope
        return torch.ops.aten.leaky_relu_backward.default(
            _laid_out_like(gradient, x), x, slope, False
        )

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        return _Masked.apply(gradient, x, ctx.slope), None, None


def _laid_out_like(gradient: Tensor, x: Tensor) -> Tensor:
    if gradient.stride() == x.stride():
        return gradient
    return torch.empty_like(x, dtype=gradient.dtype).copy_(gradient)
