"""What test_data_parallel.py starts in several processes, and in one: ``python FILE FOLDER``.

Every process leaves what it saw in ``FOLDER/RANK.pt``.
"""

import sys
import warnings
from pathlib import Path

import dask.array as da
import numpy as np
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from hs_specaug.exceptions import SpecAugWarning
from hs_specaug.generators import (
    BAGANGPGenerator,
    CDRAGANGenerator,
    DAGGenerator,
    DiffusionGenerator,
    SGBGANGenerator,
    ThreePlayerGenerator,
)
from hs_specaug.generators import _network_generator as network_generator
from hs_specaug.networks import (
    LazyRows,
    Player,
    Precision,
    SharedLoop,
    data_parallel,
)

CPU = torch.device("cpu")
#: Weights that do not move: then the gradients of all steps can be compared.
STILL = {"learning_rate": 1e-12, "precision": "float32", "random_state": 0, "batch_size": 8}
BRIEF = {"epochs": 3, "batch_size": 8, "random_state": 0, "precision": "float32"}


def spectra():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [11, 5])
    return rng.normal(0, 0.1, (16, 16)) + np.sin(np.linspace(0, 6, 16) * (1 + y[:, None])), y


def images():
    X, y = spectra()
    return X[:, None, :, None] * np.ones(8), y


def gradients(generator, X, y):
    """Fit and return what every step of every player moved along, and the losses."""
    taken = []

    def take(optimizer, *step):
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        flat = torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])
        taken.append(torch.cat([flat[::97], flat.norm()[None]]))

    hook = register_optimizer_step_post_hook(take)
    try:
        generator.fit(X, y)
    finally:
        hook.remove()
    history = {key: values for key, values in generator.history_.items() if key != "epoch"}
    return {"gradients": taken, "history": history}


def weights(generator):
    return {key: value.clone() for key, value in generator.networks_.state_dict().items()}


def refusal(function):
    try:
        function()
    except (ValueError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"
    return "none"


def same_steps_as_one_process():
    lazy = LazyRows(da.from_array(spectra()[0], chunks=(3, -1)), 1, np.arange(16))
    options = {**STILL, "epochs": 1}
    return {
        "diffusion": gradients(DiffusionGenerator(timesteps=20, **options), *spectra()),
        "three-player": gradients(
            ThreePlayerGenerator(pretrain_epochs=1, lecam=0.1, **options), *spectra()
        ),
        "sgbgan": gradients(
            SGBGANGenerator(
                pretrain_epochs=1,
                n_critic=1,
                pretrain_learning_rate=1e-12,
                generator_learning_rate=None,
                discriminator_learning_rate=None,
                **options,
            ),
            *spectra(),
        ),
        "bagan-gp": gradients(
            BAGANGPGenerator(pretrain_epochs=1, n_critic=2, r1_penalty=1.0, **options), *images()
        ),
        "lazy": gradients(CDRAGANGenerator(relativistic=True, **options), lazy, spectra()[1]),
    }


def trained(processes, folder):
    """Train for real, and save in one process."""
    generator = CDRAGANGenerator(ema_decay=0.9, **BRIEF).fit(*spectra())
    if processes.first:
        generator.save(folder / "generator.safetensors")
    brief = {**BRIEF, "epochs": 1}
    unseeded = {**brief, "random_state": None}
    return {
        "weights": weights(generator),
        "score": (generator.best_epoch_, generator.score_, generator.history_["score"]),
        "samples": generator.sample({0: 3, 1: 3}, random_state=1)[0],
        "unseeded": weights(CDRAGANGenerator(**unseeded).fit(*spectra())),
        "augmented": weights(
            CDRAGANGenerator(diff_augment="shift+gain", adaptive_augment=True, **brief).fit(
                *spectra()
            )
        ),
    }


class Stopped(RuntimeError):
    """As if the process had been killed."""


def resumed(folder):
    """Stop after the first epoch of what `trained` does, and go on."""
    options = {"ema_decay": 0.9, "checkpoint_every": 1, **BRIEF}
    take = network_generator.TrainingRun.__init__

    def stop(run, *args):
        take(run, *args)
        kept = run.snapshots.take

        def take_or_stop(epoch, modules):
            kept(epoch, modules)
            if epoch == 2:
                raise Stopped

        run.snapshots.take = take_or_stop

    path = folder / "checkpoint.safetensors"
    network_generator.TrainingRun.__init__ = stop
    try:
        CDRAGANGenerator(checkpoint=path, **options).fit(*spectra())
    except Stopped:
        written = path.exists()
    finally:
        network_generator.TrainingRun.__init__ = take
    again = CDRAGANGenerator(checkpoint=path, **options).fit(*spectra())
    return {
        "written": written,
        "weights": weights(again),
        "epochs": again.history_["epoch"],
        "left": path.exists(),
    }


def one_goes_wrong(processes):
    """Let the loss of one process be no number in the second epoch."""
    network, calls = torch.nn.utils.skip_init(torch.nn.Linear, 3, 1), []

    def losses():
        calls.append(None)
        wrong = processes.rank == processes.size - 1 and len(calls) == 2
        return {"mean": network(torch.ones(2, 3)).mean() * (torch.nan if wrong else 1.0)}

    for parameter in network.parameters():
        torch.nn.init.constant_(parameter, float(processes.rank))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loop = SharedLoop(
            [Player("one", network, losses)],
            epochs=3,
            steps_per_epoch=1,
            precision=Precision("float32", CPU),
            group=processes,
        ).fit_loop()
    return {
        "rollbacks": loop.rollbacks,
        "calls": len(calls),
        "weight": network.weight.detach(),
        "factor": loop.factor,
    }


def refusals(processes):
    X, y = spectra()
    return {
        "rows": refusal(lambda: CDRAGANGenerator(**BRIEF).fit(X + processes.rank, y)),
        "batch": refusal(lambda: CDRAGANGenerator(**{**BRIEF, "batch_size": 7}).fit(X, y)),
        "dag": refusal(lambda: DAGGenerator(epochs=1).fit(X, y)),
        "nested": refusal(data_parallel().__enter__),
        "once": refusal(lambda: processes.once(lambda: int("x"))),
    }


def warned():
    """Return what a fit with too few rows for its score says."""
    with warnings.catch_warnings(record=True) as caught:
        if not data_parallel_is_quiet():
            warnings.simplefilter("always")
        X, y = spectra()
        CDRAGANGenerator(scoring="downstream", **BRIEF).fit(X[:14], y[:14])
    return [str(w.message) for w in caught]


def data_parallel_is_quiet():
    return any(rule[0] == "ignore" and rule[2] is SpecAugWarning for rule in warnings.filters)


def main(folder):
    state = torch.get_rng_state()
    with data_parallel() as processes:
        seen = {"size": processes.size, "same": same_steps_as_one_process()}
        if processes.size > 1:
            seen |= {
                "trained": trained(processes, folder),
                "resumed": resumed(folder),
                "wrong": one_goes_wrong(processes),
                "refusals": refusals(processes),
                "warned": warned(),
            }
    seen["left"] = torch.distributed.is_initialized()
    seen["global state moved"] = not torch.equal(torch.get_rng_state(), state)
    torch.save(seen, folder / f"{processes.rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
