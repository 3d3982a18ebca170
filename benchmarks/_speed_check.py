"""Whether the package and the transcriptions are the same mathematics.

Both get the same weights, rows, labels and noise; every loss term and the gradient of their sum
are compared in float32. Where the package has more (a place of each class in the noise), that part
is set to the identity; layers that draw noise rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from reference import _networks, bagan_gp, dag, diffusion, sgbgan, three_player
from reference._common import says_real
from torch import Tensor, nn

from hs_specaug.generators import _cdragan, _dag_losses, _diffusion, _three_player
from hs_specaug.generators import _sgbgan as package_sgbgan
from hs_specaug.generators._draws import Draws
from hs_specaug.generators._stabilisers import Stabilisers
from hs_specaug.networks import (
    Autoencoder,
    BatchStream,
    ConditionalDiscriminator,
    ConditionalGenerator,
    ConvolutionalClassifier,
    Encoder,
    autoencoder_losses,
    build_network,
)
from hs_specaug.networks._dag import DAGDiscriminator, DAGGenerator
from hs_specaug.networks._denoiser import Denoiser
from hs_specaug.networks._noise_layers import translate
from hs_specaug.networks._sa_gvae import SAGVAE, GatedDiscriminator, GatedEncoder, LabelledDecoder
from hs_specaug.networks._unet import UNet

TOLERANCE = 1e-5  # of a term, relative where it is more than one
GRADIENT_TOLERANCE = 1e-4  # relative, of the norm of the difference
N, CLASSES, LATENT = 12, 3, 128
Losses = dict[str, Tensor]


class Given(Draws):
    """Draws that are known before: `real` gives `x_a` and `y_a`, `noise` the first rows of `z`."""

    def __init__(self, x_a: Tensor, latent_dim: int = LATENT) -> None:
        source = torch.Generator().manual_seed(0)
        self.x_a, n = x_a, len(x_a)
        # Uneven classes, so that a batch lacks rows of some.
        self.y_a = torch.randint(CLASSES, (n,), generator=source) // 2 * 2
        stream: Any = BatchStream(x_a, self.y_a, n, source)
        stream.code = 0
        super().__init__(stream, CLASSES, latent_dim, source)
        self.y_m = (self.y_a + 1) % CLASSES
        self.y_g = torch.randint(CLASSES, (n,), generator=source)
        self.z = torch.randn(n * CLASSES, latent_dim, generator=source)
        self.alpha = torch.rand(n, generator=source)

    def real(self) -> tuple[Tensor, Tensor]:
        return self.x_a, self.y_a

    def noise(self, n: int | Tensor) -> Tensor:
        return self.z[: n if isinstance(n, int) else len(n)]

    def labels(self, n: int) -> Tensor:
        return self.y_g[:n]

    def wrong(self, y: Tensor) -> Tensor:
        return self.y_m

    def uniform(self, n: int) -> Tensor:
        return self.alpha[:n]


def randomise(*networks: nn.Module) -> None:
    """Move all weights, so that none is zero."""
    source = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for network in networks:
            for parameter in network.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=source))


@torch.no_grad()
def take_over(package: nn.Module, reference: nn.Module) -> None:
    """Give `package` the weights of `reference`, in their order.

    The affine map of the noise, which only the package has, becomes the identity.
    """
    wanted = []
    for name, parameter in package.named_parameters():
        if name.endswith("mixing"):
            parameter.copy_(torch.eye(len(parameter)))
        elif name.endswith("shift"):
            parameter.zero_()
        else:
            wanted.append(parameter)
    for own, other in zip(wanted, reference.parameters(), strict=True):
        own.copy_(other.reshape(own.shape))


def gradient(losses: Losses, network: nn.Module, skipped: Iterable[str] = ()) -> list[Tensor]:
    """Return the gradient of the sum of the terms with respect to the weights of `network`."""
    skipped = tuple(skipped)
    named = [(k, p) for k, p in network.named_parameters() if not (skipped and k.endswith(skipped))]
    total = torch.stack(list(losses.values())).sum()
    return list(torch.autograd.grad(total, [p for _, p in named]))


def difference(package: list[Tensor], reference: list[Tensor]) -> float:
    """Return the relative distance of two gradients."""
    pairs = zip(package, reference, strict=True)
    apart = sum(float((a - b.reshape(a.shape)).square().sum()) for a, b in pairs)
    return (apart / sum(float(b.square().sum()) for b in reference)) ** 0.5


def verdict(
    package: Losses, reference: Losses, slopes: tuple[list[Tensor], list[Tensor]] | None = None
) -> dict[str, Any]:
    """Put terms beside each other, in their order, and say whether they agree."""
    pairs = {
        name: (value.item(), other.item())
        for (name, value), other in zip(package.items(), reference.values(), strict=True)
    }
    apart = {name: abs(a - b) / max(1.0, abs(b)) for name, (a, b) in pairs.items()}
    out: dict[str, Any] = {"terms": pairs, "largest_difference": max(apart.values())}
    agree = out["largest_difference"] <= TOLERANCE
    if slopes is not None:
        out["difference_of_gradients"] = difference(*slopes)
        agree = agree and out["difference_of_gradients"] <= GRADIENT_TOLERANCE
    return {**out, "agree": bool(agree)}


def by_name(losses: Losses, names: Iterable[str]) -> Losses:
    """Return terms in the order of `names`, which is that of the transcription."""
    found = {name.rpartition("/")[2]: value for name, value in losses.items()}
    return {name: found[name] for name in names}


def adversarial_pair(
    package: tuple[Any, Any], reference: tuple[Any, Any], given: Given, weight: float
) -> dict[str, Any]:
    """Compare Eq. (3), and the generator's first term, of one pair of networks."""
    (G, D), (G_ref, D_ref) = package, reference
    stabilisers = Stabilisers(given)
    G.requires_grad_(False)
    ours = _three_player.discriminator_losses(G, D, given, weight, stabilisers)
    theirs = three_player.discriminator_losses(
        G_ref, D_ref, given.x_a, given.y_a, given.y_m, given.z[:N], given.y_g, given.alpha, weight
    )
    ours = by_name(ours, theirs)
    slopes = gradient(ours, D), gradient(theirs, D_ref)
    out = {"discriminator": verdict(ours, theirs, slopes)}
    G.requires_grad_(True)
    ours = _cdragan.generator_losses(G, D, given, stabilisers)
    theirs = {"adversarial": says_real(D_ref(G_ref(given.z[:N], given.y_g), given.y_g))}
    slopes = gradient(ours, G, ("mixing", "shift")), gradient(theirs, G_ref)
    return {**out, "generator": verdict(ours, theirs, slopes)}


def rows(*shape: int) -> Tensor:
    """Return rows in [−1, 1]."""
    return torch.rand(N, *shape, generator=torch.Generator().manual_seed(2)) * 2 - 1


def table_6(channels: int, size: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """Return generator, discriminator and encoder of the package and of the transcription."""
    shape = (CLASSES, channels, size)
    theirs = (
        _networks.Generator(*shape),
        _networks.Discriminator(*shape),
        _networks.Encoder(*shape[1:]),
    )
    ours: tuple[Any, ...] = (
        build_network(partial(ConditionalGenerator, LATENT, *shape), 0),
        build_network(partial(ConditionalDiscriminator, *shape), 0),
        build_network(partial(Encoder, LATENT, *shape[1:]), 0),
    )
    randomise(*theirs)
    for own, other in zip(ours, theirs, strict=True):
        take_over(own, other)
    return ours, theirs, shape


def check_three_player() -> dict[str, Any]:
    """Eqs. (3) to (5) and the autoencoder."""
    ours, theirs, shape = table_6(1, (64,))
    C = build_network(partial(ConvolutionalClassifier, *shape), 0)
    C_ref = _networks.Classifier(*shape)
    randomise(C_ref)
    take_over(C, C_ref)
    given = Given(rows(1, 64))
    out = adversarial_pair(ours[:2], theirs[:2], given, 10.0)
    G, D, _ = ours
    found = _three_player.generator_losses(G, D, C, given, Stabilisers(given))
    wanted = three_player.generator_losses(theirs[0], theirs[1], C_ref, given.z[:N], given.y_g)
    slopes = gradient(found, ours[0], ("mixing", "shift")), gradient(wanted, theirs[0])
    out["generator"] = verdict(by_name(found, wanted), wanted, slopes)
    y_g = given.missing(given.y_a)
    theirs[0].eval()  # the package balances a batch with running statistics
    found = _three_player.classifier_losses(ours[0], C, given)
    wanted = three_player.classifier_losses(
        theirs[0], C_ref, given.x_a, given.y_a, given.z[: len(y_g)], y_g
    )
    slopes = gradient(found, C), gradient(wanted, C_ref)
    out["classifier"] = verdict(by_name(found, wanted), wanted, slopes)
    same = y_g.equal(three_player.missing(given.y_a, CLASSES))
    out["classifier"]["agree"] = out["classifier"]["agree"] and same
    return out


def check_bagan_gp() -> dict[str, Any]:
    """The adversarial terms and the autoencoder, on images."""
    ours, theirs, _ = table_6(3, (32, 32))
    given = Given(rows(3, 32, 32))
    out = adversarial_pair(ours[:2], theirs[:2], given, 10.0)
    autoencoder: Any = Autoencoder(ours[2], ours[0])
    found = autoencoder_losses(autoencoder, *given.real())
    own: Any = SimpleNamespace(G=theirs[0], encoder=theirs[2])
    wanted = bagan_gp.BAGANGP.autoencoder_losses(own, *given.real())
    slopes = gradient(found, ours[2]), gradient(wanted, theirs[2])
    return {**out, "autoencoder": verdict(found, wanted, slopes)}


def check_sgbgan() -> dict[str, Any]:
    """The adversarial terms and Eq. (10), on images."""
    shape = (CLASSES, 3, (32, 32))
    theirs = (
        sgbgan.AttentiveGenerator(*shape),
        sgbgan.GatedDiscriminator(*shape),
        sgbgan.GatedEncoder(*shape[1:]),
    )
    ours: tuple[Any, ...] = (
        build_network(partial(LabelledDecoder, LATENT, *shape), 0),
        build_network(partial(GatedDiscriminator, *shape), 0),
        build_network(partial(GatedEncoder, LATENT, *shape[1:]), 0),
    )
    randomise(*theirs)
    for own, other in zip(ours, theirs, strict=True):
        take_over(own, other)
    given = Given(rows(3, 32, 32))
    out = adversarial_pair(ours[:2], theirs[:2], given, 5.0)
    given.normal = lambda *shape: given.z[: shape[0]]  # type: ignore[method-assign]
    found = package_sgbgan.sa_gvae_losses(SAGVAE(ours[2], ours[0]), given, "normal")
    wanted = sgbgan.sa_gvae_losses(theirs[2], theirs[0], *given.real(), given.z[:N])
    slopes = gradient(found, ours[2]), gradient(wanted, theirs[2])
    return {**out, "autoencoder": verdict(by_name(found, wanted), wanted, slopes)}


@torch.no_grad()
def take_over_dense(package: nn.Module, reference: Any, stacked: int = 0) -> None:
    """Give dense layers of the package the weights of a transcription, transposed.

    The first ones may stand side by side in `stacked` branches.
    """
    own = [layer for layer in package.modules() if isinstance(layer, nn.Linear)]
    branches: list[Any] = next(iter(reference.children()))[:stacked] if stacked else []
    side = [[m for m in b.modules() if isinstance(m, nn.Linear)] for b in branches]
    rest = reference.join if stacked else reference
    single = [m for m in rest.modules() if isinstance(m, nn.Linear)]
    n_side = len(side[0]) if side else 0
    for layer, others in zip(own[:n_side], zip(*side, strict=True), strict=True):
        layer.weight.copy_(torch.stack([o.weight.T for o in others]))
        layer.bias.copy_(torch.stack([o.bias for o in others]).unsqueeze(1))
    for layer, other in zip(own[n_side:], single, strict=True):
        layer.weight.copy_(other.weight.T)
        layer.bias.copy_(other.bias.unsqueeze(0))


def transposed(slopes: list[Tensor]) -> list[Tensor]:
    """Return gradients of dense layers as those of layers whose weight is (inputs, outputs)."""
    return [g.T if g.ndim == 2 else g for g in slopes]


def check_dag() -> dict[str, Any]:
    """Both losses, on plain and on shifted rows; layers of noise rest."""
    length = 96
    G_ref, D_ref = dag.Generator(length), dag.Discriminator(length)  # no weight of theirs is zero
    G = build_network(partial(DAGGenerator, dag.LATENT, 1, (length,)), 0)
    D = build_network(partial(DAGDiscriminator, 1, (length,), dropout=0.0), 0)
    take_over_dense(G, G_ref, dag.BRANCHES)
    take_over_dense(D, D_ref)
    branches: Any = D_ref.branches
    kernels = [branch[6] for branch in branches]
    found: list[Any] = [m for m in D.modules() if hasattr(m, "similarities")]
    with torch.no_grad():
        for layer, other in zip(found, kernels, strict=True):
            layer.weight.copy_(other.T)
    for network in (G, D, G_ref, D_ref):
        network.eval()
    given, out = Given(rows(1, length), dag.LATENT), {}
    stabilisers = Stabilisers(given)
    stabilisers.real = partial(_dag_losses.smoothed_real_loss, label=0.9)
    transforms: dict[str, tuple[Callable, Callable]] = {
        "plain": (lambda x: x, dag.plain),
        "shifted": (
            lambda x: translate(x, torch.tensor(-3)),
            lambda x: dag.translate(x, -3),
        ),
    }
    z = given.z[:N]
    for name, (own, other) in transforms.items():
        G.requires_grad_(False)
        ours = _dag_losses.discriminator_losses(lambda n: G(z), D, own, given, stabilisers)
        theirs = dag.discriminator_losses(G_ref, D_ref, other, given.x_a[:, 0], z)
        slopes = gradient(ours, D.output), transposed(gradient(theirs, D_ref.output))
        out[f"discriminator, {name}"] = verdict(ours, theirs, slopes)
    G.requires_grad_(True)
    both = tuple(other for _, other in transforms.values())
    term = _dag_losses.generator_loss(
        lambda n: G(z),
        dict.fromkeys(transforms, D),
        {name: own for name, (own, _) in transforms.items()},
        given,
        Stabilisers(given),
    )
    theirs = dag.generator_losses(G_ref, D_ref, both, z)
    slopes = gradient({"": term}, G.refined), transposed(gradient(theirs, G_ref.join[4]))
    out["generator"] = verdict({"adversarial": term}, theirs, slopes)
    return out


def check_diffusion() -> dict[str, Any]:
    """The denoising loss, of the same noise at the same times."""
    theirs = diffusion.UNet(CLASSES, 1)
    randomise(theirs)
    unet = build_network(partial(UNet, CLASSES, 1, (64,)), 0)
    take_over(unet, theirs)
    denoiser = Denoiser(unet, diffusion.STEPS, "cosine", "v")
    given = Given(rows(1, 64))
    noise, t = given.z[:N, None, :64], torch.arange(1, N + 1) * 80
    given.normal = lambda *shape: noise  # type: ignore[method-assign]
    given.integers = lambda high, n: t - 1  # type: ignore[method-assign]
    ours = _diffusion.denoising_losses(denoiser, given, 0.0)
    wanted = diffusion.losses(theirs, diffusion.schedule(), given.x_a, given.y_a, t, noise)
    slopes = gradient(ours, unet), gradient(wanted, theirs)
    return {"denoising": verdict(ours, wanted, slopes)}


CHECKS: dict[str, Callable[[], dict[str, Any]]] = {
    "three-player": check_three_player,
    "bagan-gp": check_bagan_gp,
    "sgbgan": check_sgbgan,
    "dag": check_dag,
    "diffusion": check_diffusion,
}


def check_all() -> dict[str, Any]:
    """Compare all losses of all methods."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        found = {name: check() for name, check in CHECKS.items()}
    every = [part["agree"] for parts in found.values() for part in parts.values()]
    return {**found, "tolerance": TOLERANCE, "all_agree": all(every)}
