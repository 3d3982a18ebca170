"""Torch building blocks that generators and classifiers share; 1-D and 2-D from the same code."""

from .._lazy_rows import LazyRows
from . import _available  # noqa: F401
from ._blocks import ConvolutionTrunk, TransposedTrunk
from ._capture import cuda_graphs
from ._conditional import (
    Autoencoder,
    ConditionalDiscriminator,
    ConditionalGenerator,
    ConvolutionalClassifier,
    Encoder,
    autoencoder_losses,
)
from ._constraints import POSITIVE, TRAINING_CONSTRAINTS
from ._data_parallel import ProcessGroup, SharedLoop, active_group, data_parallel
from ._device import Precision, resolve_device, resolve_precision
from ._guards import CollapseGuard
from ._latent import ClassGaussians
from ._layers import PadToMultiple, build_network, initialise
from ._lazy_stream import LazyBatchStream, LazyRowDataset, scale_lazy_rows
from ._players import Losses, PassCounter, Player
from ._row_dataset import RowDataset
from ._scaling import RangeScaler, from_channels, to_channels
from ._spectral_norm import normalise_spectrally, remove_spectral_norm
from ._states import BestState, Kept, WeightAverage, live_tensors, load_tensors
from ._stream import BatchStream, RowStream
from ._training import TrainingLoop

__all__ = [
    "POSITIVE",
    "TRAINING_CONSTRAINTS",
    "Autoencoder",
    "BatchStream",
    "BestState",
    "ClassGaussians",
    "CollapseGuard",
    "ConditionalDiscriminator",
    "ConditionalGenerator",
    "ConvolutionTrunk",
    "ConvolutionalClassifier",
    "Encoder",
    "Kept",
    "LazyBatchStream",
    "LazyRowDataset",
    "LazyRows",
    "Losses",
    "PadToMultiple",
    "PassCounter",
    "Player",
    "Precision",
    "ProcessGroup",
    "RangeScaler",
    "RowDataset",
    "RowStream",
    "SharedLoop",
    "TrainingLoop",
    "TransposedTrunk",
    "WeightAverage",
    "active_group",
    "autoencoder_losses",
    "build_network",
    "cuda_graphs",
    "data_parallel",
    "from_channels",
    "initialise",
    "live_tensors",
    "load_tensors",
    "normalise_spectrally",
    "remove_spectral_norm",
    "resolve_device",
    "resolve_precision",
    "scale_lazy_rows",
    "to_channels",
]
