"""Every stabilising option against values worked out by hand, on a linear discriminator."""

import math

import pytest
import torch

from hs_specaug.generators import ThreePlayerGenerator
from hs_specaug.generators._draws import Draws
from hs_specaug.generators._losses import wasserstein_fake, wasserstein_real
from hs_specaug.generators._stabilisers import (
    StabiliserOptions,
    Stabilisers,
    resolve_perturbation,
)
from hs_specaug.networks import (
    BatchStream,
    ConditionalDiscriminator,
    build_network,
    normalise_spectrally,
    remove_spectral_norm,
)

W = torch.tensor([3.0, 4.0])


def D(x, y):
    """A linear discriminator with the slope (3, 4)."""
    return x.flatten(1) @ W + y


@pytest.fixture
def draws():
    X = torch.arange(8.0).reshape(4, 1, 2)
    stream = BatchStream(X, torch.tensor([0, 1, 0, 1]), 4, torch.Generator().manual_seed(0))
    return Draws(stream, 2, 3, torch.Generator().manual_seed(1))


def stabilisers(draws, losses=None, planned_steps=100, **options):
    more = {} if losses is None else {"losses": losses}
    return Stabilisers(draws, StabiliserOptions(**options), planned_steps=planned_steps, **more)


REAL, FAKE = torch.tensor([2.0, -1.0]), torch.tensor([0.5, 1.0])


def test_nothing_is_added_by_default(draws):
    plain = Stabilisers(draws)
    x, y = torch.randn(4, 1, 2), torch.zeros(4)
    assert plain.augment(x, y) is x
    assert plain.penalties(D, (x, y), (x, y)) == {}
    terms = plain.discriminator(REAL, FAKE)
    assert terms.keys() == {"real", "generated"}
    assert float(terms["real"]) == pytest.approx(
        (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(1))) / 2
    )


def test_r1_and_r2_of_a_linear_discriminator(draws):
    x, y = torch.randn(4, 1, 2), torch.zeros(4)
    terms = stabilisers(draws, r1_penalty=2.0, r2_penalty=0.4).penalties(D, (x, y), (x, y))
    # γ/2 ‖(3, 4)‖² = γ/2 · 25, whatever the rows.
    assert terms["r1"].item() == pytest.approx(25.0)
    assert terms["r2"].item() == pytest.approx(5.0)
    assert stabilisers(draws, r2_penalty=1.0).penalties(D, (x, y), (x, y)).keys() == {"r2"}


def test_r1_is_at_real_rows_and_r2_at_generated_ones(draws):
    def quadratic(x, y):
        return 0.5 * x.flatten(1).square().sum(dim=1) * y  # slope: y x

    real = torch.tensor([[[1.0, 2.0]]]), torch.tensor([2.0])
    fake = torch.tensor([[[3.0, 0.0]]]), torch.tensor([1.0])
    terms = stabilisers(draws, r1_penalty=1.0, r2_penalty=1.0).penalties(quadratic, real, fake)
    assert terms["r1"].item() == pytest.approx(0.5 * 4 * 5)
    assert terms["r2"].item() == pytest.approx(0.5 * 9)


def test_relativistic_compares_pairs(draws):
    terms = stabilisers(draws, relativistic=True).discriminator(REAL, FAKE)
    expected = [math.log(1 + math.exp(-(r - f))) for r, f in [(2.0, 0.5), (-1.0, 1.0)]]
    assert terms.keys() == {"relativistic"}
    assert float(terms["relativistic"]) == pytest.approx(sum(expected) / 2)


def test_relativistic_generator_wants_to_be_more_real(draws):
    x, y = torch.ones(4, 1, 2), torch.zeros(4)
    x.requires_grad_()
    state = draws.stream.state()
    value = stabilisers(draws, relativistic=True).adversarial(D, x, y)
    draws.stream.load_state(state)
    x_a, y_a = draws.real()
    gaps = D(x, y) - D(x_a, y_a)
    torch.testing.assert_close(value, torch.log1p(torch.exp(-gaps)).mean())
    # Plain: −log σ(D(G(z))) without any real row.
    plain = stabilisers(draws).adversarial(D, x, y)
    torch.testing.assert_close(plain, torch.log1p(torch.exp(-D(x, y))).mean())


def test_relativistic_wasserstein_is_the_plain_difference(draws):
    losses = (wasserstein_real, wasserstein_fake)
    plain = stabilisers(draws, losses).discriminator(REAL, FAKE)
    relative = stabilisers(draws, losses, relativistic=True).discriminator(REAL, FAKE)
    assert float(sum(plain.values())) == pytest.approx(0.75 - 0.5)
    torch.testing.assert_close(sum(relative.values()), sum(plain.values()))


def test_lecam_by_hand(draws):
    option = stabilisers(draws, lecam=0.5)
    # First step: the anchors are the means, α_R = 0.5 and α_F = 0.75.
    first = option.discriminator(REAL, FAKE)["lecam"]
    real = ((2.0 - 0.75) ** 2 + (-1.0 - 0.75) ** 2) / 2
    fake = ((0.5 - 0.5) ** 2 + (1.0 - 0.5) ** 2) / 2
    assert float(first) == pytest.approx(0.5 * (real + fake))
    # Second step: they move by a hundredth.
    option.discriminator(REAL + 1.0, FAKE - 1.0)
    assert float(option.real_anchor) == pytest.approx(0.99 * 0.5 + 0.01 * 1.5)
    assert float(option.fake_anchor) == pytest.approx(0.99 * 0.75 + 0.01 * -0.25)


def test_anchors_and_strength_are_part_of_the_state(draws):
    option = stabilisers(draws, lecam=1.0, diff_augment=Shift(1.0), adaptive_augment=True)
    option.discriminator(torch.ones(4), torch.zeros(4))
    state = option.state_dict()
    assert {k: float(v) for k, v in state.items()} == pytest.approx(
        {"strength": 0.1, "real_anchor": 1.0, "fake_anchor": 0.0}
    )


# --- augmentation --------------------------------------------------------------------------------


class Shift:
    """Add a number that depends on the label, and remember what was called."""

    def __init__(self, size):
        self.size, self.calls = size, []

    def __call__(self, X, y=None, *, random_state=None):
        self.calls.append((X, y, random_state))
        return X + self.size * (1 + y.reshape(-1, *(1,) * (X.ndim - 1)))


def test_augmentation_is_called_as_agreed_and_differentiable(draws):
    transform = Shift(0.5)
    option = stabilisers(draws, diff_augment=transform)
    x, y = torch.zeros(4, 1, 2, requires_grad=True), torch.tensor([0, 1, 0, 1])
    out = option.augment(x, y)
    assert out[:, 0, 0].tolist() == [0.5, 1.0, 0.5, 1.0]
    assert transform.calls[0][2] is draws.generator
    out.sum().backward()
    assert x.grad.eq(1.0).all()


def test_the_generator_is_judged_through_the_augmentation(draws):
    x, y = torch.zeros(4, 1, 2), torch.zeros(4)
    value = stabilisers(draws, diff_augment=Shift(0.5)).adversarial(D, x, y)
    assert float(value) == pytest.approx(math.log(1 + math.exp(-3.5)), rel=1e-5)


def test_strength_climbs_while_real_rows_are_always_recognised(draws):
    option = stabilisers(draws, diff_augment=Shift(1.0), adaptive_augment=True, planned_steps=50)
    assert float(option.strength) == 0.0
    x, y = torch.zeros(400, 1, 2), torch.zeros(400)
    assert option.augment(x, y).eq(0.0).all()
    # 9 of 10 positive: r = 0.8 > 0.6; one step is a tenth of 50 steps: 1/5.
    mostly = torch.tensor([1.0] * 9 + [-1.0])
    option.discriminator(mostly, mostly)
    assert float(option.strength) == pytest.approx(0.2)
    option.discriminator(mostly, mostly)
    share = option.augment(x, y)[:, 0, 0].eq(1.0).float().mean()
    assert float(share) == pytest.approx(0.4, abs=0.1)
    # 7 of 10: r = 0.4 < 0.6.
    unsure = torch.tensor([1.0] * 7 + [-1.0] * 3)
    for expected in (0.2, 0.0, 0.0):
        option.discriminator(unsure, unsure)
        assert float(option.strength) == pytest.approx(expected, abs=1e-6)
    for _ in range(9):
        option.discriminator(mostly, mostly)
    assert float(option.strength) == 1.0


def test_adaptive_without_a_transform_is_refused():
    with pytest.raises(ValueError, match="diff_augment"):
        ThreePlayerGenerator(adaptive_augment=True).fit([[0.0], [1.0]], [0, 1])


def test_perturbations_by_name_or_instance():
    transform = Shift(1.0)
    assert resolve_perturbation(transform) is transform
    assert resolve_perturbation(None) is None
    with pytest.raises(ValueError, match="such as 'shift"):
        resolve_perturbation(3)
    with pytest.raises(ValueError, match="no-such-thing"):
        resolve_perturbation("no-such-thing")


def test_a_named_perturbation_of_the_package_is_differentiable(draws):
    named = stabilisers(draws, diff_augment=resolve_perturbation("shift"))
    x = torch.randn(4, 1, 32, generator=torch.Generator().manual_seed(0)).requires_grad_()
    named.augment(x, torch.zeros(4).long()).square().sum().backward()
    assert x.grad.abs().sum() > 0


# --- spectral norm -----------------------------------------------------------------------------


def largest_singular_values(network):
    return [
        float(torch.linalg.matrix_norm(m.weight.detach().flatten(1), 2))
        for m in network.modules()
        if isinstance(m, torch.nn.Conv1d | torch.nn.Linear)
    ]


def discriminator(seed=0):
    return build_network(lambda: ConditionalDiscriminator(2, 1, (16,)), seed)


def test_spectral_norm_makes_every_layer_lipschitz(no_global_rng):
    network = discriminator()
    normalise_spectrally(network, 0)
    network.train()
    for _ in range(50):
        network(torch.zeros(1, 1, 16), torch.zeros(1).long())
    assert largest_singular_values(network) == pytest.approx([1.0] * 5, abs=2e-2)
    keys = discriminator().state_dict().keys()
    before = largest_singular_values(network.eval())
    remove_spectral_norm(network)
    assert network.state_dict().keys() == keys
    assert largest_singular_values(network) == pytest.approx(before, rel=1e-5)


def test_spectral_norm_depends_on_its_seed_alone():
    vectors = []
    for _ in range(2):
        network = discriminator()
        normalise_spectrally(network, 5)
        vectors.append(network.output.parametrizations.weight[0]._u.clone())
    assert torch.equal(*vectors)


def test_spectral_norm_of_a_whole_fit_leaves_plain_weights():
    X = torch.randn(20, 16, generator=torch.Generator().manual_seed(0)).numpy()
    y = [0] * 14 + [1] * 6
    options = {"epochs": 2, "pretrain_epochs": 1, "random_state": 0}
    network = (
        ThreePlayerGenerator(spectral_norm=True, **options).fit(X, y).networks_["discriminator"]
    )
    assert network.state_dict().keys() == discriminator().state_dict().keys()
    assert largest_singular_values(network) == pytest.approx([1.0] * 5, abs=0.1)
