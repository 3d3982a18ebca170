"""ResNet50, pre-trained where weights lie on this machine, as a scikit-learn estimator."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import StrOptions
from torch import Tensor, nn
from torch.nn import functional as F

from .._warnings import warn_user
from ..exceptions import TrainingWarning
from ._network import NetworkClassifier, with_shared_docs

DEPTHS = (3, 4, 6, 3)
WIDTHS = (256, 512, 1024, 2048)
FOLDER = "resnet50"
#: Mean and standard deviation of the images that weights are usually trained on (ImageNet).
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def weights_folder() -> Path:
    """Return where pre-trained weights are looked for: ``$HS_SPECAUG_WEIGHTS/resnet50``."""
    root = os.environ.get("HS_SPECAUG_WEIGHTS", "~/.cache/hs_specaug")
    return Path(root).expanduser() / FOLDER


def _transformers() -> Any:
    try:
        from transformers import ResNetConfig, ResNetModel
    except ImportError as error:
        raise ImportError(
            'resnet50 needs transformers; install it with: pip install "hs_specaug[images]"'
        ) from error
    return ResNetConfig, ResNetModel


class ResNet(nn.Module):
    """Residual network over images, or over spectra as images of one line.

    Parameters
    ----------
    n_classes, channels : int
        Of the rows. One channel serves as red, green and blue; other numbers than 1 and 3 are
        mixed to three by a learned layer.
    depths, widths : sequence of int
        Blocks and channels of each stage.
    folder : Path or None
        Pre-trained weights.
    """

    def __init__(
        self,
        n_classes: int,
        channels: int,
        depths: Sequence[int] = DEPTHS,
        widths: Sequence[int] = WIDTHS,
        folder: Path | None = None,
    ) -> None:
        super().__init__()
        configuration, model = _transformers()
        self.channels = channels
        self.mixing = nn.Identity() if channels in (1, 3) else nn.Conv2d(channels, 3, 1)
        self._pretrained: Mapping[str, Tensor] | None = None
        if folder is None:
            self.trunk: Any = model(
                configuration(
                    embedding_size=max(1, widths[0] // 4),
                    hidden_sizes=list(widths),
                    depths=list(depths),
                )
            )
        else:
            self.trunk = model.from_pretrained(folder, local_files_only=True)
            self._pretrained = {k: v.clone() for k, v in self.trunk.state_dict().items()}
        # Two pixels at the last stage: one alone has no variance to normalise by.
        self.smallest = 2 ** (len(self.trunk.config.hidden_sizes) + 2)
        self.output = nn.Linear(self.trunk.config.hidden_sizes[-1], n_classes)
        self.mean: Tensor
        self.deviation: Tensor
        for name, values in zip(("mean", "deviation"), IMAGENET, strict=True):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1))

    def initialise_own(self, generator: torch.Generator) -> None:
        """Take the pre-trained weights, or draw them as He et al. (2015) do."""
        if self._pretrained is not None:
            self.trunk.load_state_dict(self._pretrained)
            self._pretrained = None
            return
        for layer in self.trunk.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(
                    layer.weight, mode="fan_out", nonlinearity="relu", generator=generator
                )

    def features(self, x: Tensor) -> Tensor:
        """Features after the last pooling (n, n_features) of `x` (n, channels, *size)."""
        x = x.unsqueeze(2) if x.ndim == 3 else x
        x = self.mixing(x)
        x = x.expand(-1, 3, -1, -1) if self.channels == 1 else x
        size = [max(n, self.smallest) for n in x.shape[2:]]
        if size != list(x.shape[2:]):
            x = F.interpolate(x, size=size, mode="nearest")
        x = ((x + 1.0) / 2.0 - self.mean) / self.deviation
        return self.trunk(x).pooler_output.flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """Class logits (n, n_classes) of `x` (n, channels, *size), in float32."""
        return self.output(self.features(x)).float()


@with_shared_docs
class ResNetClassifier(NetworkClassifier):
    """ResNet50 of paper 003, from transformers, for images (and spectra as images of one line).

    With pre-trained weights all layers are trained on (fine-tuning), as in the paper, where the
    pre-trained network was far better than the same one from random weights. Nothing is
    downloaded: put ``config.json`` and ``model.safetensors`` of a ResNet (microsoft/resnet-50,
    for instance) into a folder. Rows are scaled to [−1, 1] by the range of the training rows.
    Needs ``pip install "hs_specaug[images]"``.

    Parameters
    ----------
    weights : str, path-like or None, default "auto"
        Folder of pre-trained weights. ``"auto"`` looks into ``$HS_SPECAUG_WEIGHTS/resnet50``
        (``~/.cache/hs_specaug/resnet50`` without this variable) and warns if there are none;
        None starts from random weights.
    depths, widths : sequence of int
        Blocks and channels of each stage, where no weights are given; ResNet50 by default. A
        small one, ``depths=(1, 1), widths=(32, 64)``, trains in seconds.
    {parameters}

    Attributes
    ----------
    pretrained_ : bool
        Whether the training started from pre-trained weights.
    {attributes}

    Warns
    -----
    TrainingWarning
        If ``weights="auto"`` finds none.

    References
    ----------
    He et al., CVPR 2016; paper 003, section 4.1.
    """

    method: ClassVar[str] = "resnet50"

    _parameter_constraints: ClassVar[dict] = {
        **NetworkClassifier._parameter_constraints,
        "weights": [StrOptions({"auto"}), str, os.PathLike, None],
        "depths": ["array-like"],
        "widths": ["array-like"],
    }

    def __init__(
        self,
        *,
        weights: str | os.PathLike | None = "auto",
        depths: Sequence[int] = DEPTHS,
        widths: Sequence[int] = WIDTHS,
        epochs: int = 150,
        max_updates: int | None = None,
        batch_size: int = 32,
        learning_rate: float = 2e-4,
        betas: tuple[float, float] = (0.9, 0.999),
        loss: str = "cross-entropy",
        focal_gamma: float = 2.0,
        class_weight: str | Mapping | None = None,
        device: str = "auto",
        precision: str = "auto",
        random_state: Any = None,
        show_progressbar: bool = False,
    ) -> None:
        super().__init__(
            epochs=epochs,
            max_updates=max_updates,
            batch_size=batch_size,
            learning_rate=learning_rate,
            betas=betas,
            loss=loss,
            focal_gamma=focal_gamma,
            class_weight=class_weight,
            device=device,
            precision=precision,
            random_state=random_state,
            show_progressbar=show_progressbar,
        )
        self.weights = weights
        self.depths = depths
        self.widths = widths

    def _network(self, n_classes: int, channels: int, size: tuple[int, ...]) -> ResNet:
        depths, widths = tuple(self.depths), tuple(self.widths)
        whole = all(isinstance(n, Integral) and n > 0 for n in depths + widths)
        if not whole or not depths or len(depths) != len(widths):
            raise ValueError(
                "depths and widths must be whole numbers > 0, one for each stage, got "
                f"{self.depths!r} and {self.widths!r}"
            )
        folder = self._folder()
        self.pretrained_ = folder is not None
        return ResNet(n_classes, channels, depths, widths, folder)

    def _folder(self) -> Path | None:
        """Return the folder of the weights to start from; None for random ones."""
        if self.weights is None:
            return None
        _transformers()  # the missing package is the first thing to say
        automatic = self.weights == "auto"
        folder = weights_folder() if automatic else Path(self.weights)
        if (folder / "config.json").is_file():
            return folder
        if not automatic:
            raise FileNotFoundError(
                f"weights={str(folder)!r} holds no config.json; it must be the folder of a "
                "ResNet as transformers saves it, with config.json and model.safetensors"
            )
        if (tuple(self.depths), tuple(self.widths)) == (DEPTHS, WIDTHS):
            warn_user(
                "resnet50 starts from random weights, which takes far more images than a "
                f"pre-trained one: there are none in {str(folder)!r}. Put config.json and "
                "model.safetensors of microsoft/resnet-50 there (HS_SPECAUG_WEIGHTS changes the "
                "folder), or say weights=None to mean it",
                TrainingWarning,
            )
        return None
