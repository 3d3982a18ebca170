"""Torch building blocks that generators and classifiers share; 1-D and 2-D from the same code."""

from ._blocks import ConvolutionTrunk, TransposedTrunk
from ._conditional import (
    Autoencoder,
    ConditionalDiscriminator,
    ConditionalGenerator,
    ConvolutionalClassifier,
    Encoder,
    autoencoder_losses,
)
from ._constraints import POSITIVE, TRAINING_CONSTRAINTS
from ._device import Precision, resolve_device, resolve_precision
from ._layers import PadToMultiple, build_network, initialise
from ._scaling import RangeScaler, from_channels, to_channels
from ._training import BatchStream, BestState, Player, TrainingLoop

__all__ = [
    "POSITIVE",
    "TRAINING_CONSTRAINTS",
    "Autoencoder",
    "BatchStream",
    "BestState",
    "ConditionalDiscriminator",
    "ConditionalGenerator",
    "ConvolutionTrunk",
    "ConvolutionalClassifier",
    "Encoder",
    "PadToMultiple",
    "Player",
    "Precision",
    "RangeScaler",
    "TrainingLoop",
    "TransposedTrunk",
    "autoencoder_losses",
    "build_network",
    "from_channels",
    "initialise",
    "resolve_device",
    "resolve_precision",
    "to_channels",
]
