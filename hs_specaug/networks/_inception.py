"""The Inception network that FIDs are usually given in, where its weights lie on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

#: TorchScript of the network: images to 2048 features.
INCEPTION_FILE = "inception-2015-12-05.pt"


def inception_features(path: str | os.PathLike | None = None) -> Callable[[Any], np.ndarray]:
    """Return the embedding that FIDs are usually given in, from a file on this machine.

    Parameters
    ----------
    path : str, path-like or None
        TorchScript file that takes ``(images, return_features=True)`` with images (n, 3, height,
        width) of 0 to 255. None looks for ``inception-2015-12-05.pt`` in the folder that the
        environment variable ``HS_SPECAUG_WEIGHTS`` names. Such a file runs code: take it from
        where you trust.

    Returns
    -------
    callable
        Images (n, 1 or 3, height, width) of 0 to 1, or of 8-bit integers, to features (n, 2048).

    Raises
    ------
    FileNotFoundError
        If there is no such file. Nothing is ever downloaded.
    """
    if path is None:
        path = Path(os.environ.get("HS_SPECAUG_WEIGHTS", "")) / INCEPTION_FILE
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"no Inception weights at {str(path)!r}; put {INCEPTION_FILE} into the folder that "
            "HS_SPECAUG_WEIGHTS names, or use the features of a classifier"
        )
    network = torch.jit.load(str(path), map_location="cpu").eval()

    def features(images: Any) -> np.ndarray:
        rows = np.asarray(images)
        scale = 1.0 if rows.dtype.kind in "iu" else 255.0
        parts = []
        with torch.inference_mode():
            for i in range(0, len(rows), 64):
                batch = torch.from_numpy(rows[i : i + 64].astype(np.float32) * scale)
                batch = batch.expand(-1, 3, -1, -1) if batch.shape[1] == 1 else batch
                parts.append(network(batch, return_features=True).float().numpy())
        return np.concatenate(parts)

    return features
