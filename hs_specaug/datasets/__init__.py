"""Simulated sample data with known truth: small, seeded, instant.

Every function returns a labelled signal of this package and keeps what is known about it in
``metadata.SpecAug.truth``. The truth is that of the data set as it was made: unlike labels and
groups it does not follow slicing.
"""

from hs_specaug.datasets._core_shell import core_shell_map
from hs_specaug.datasets._hydrogel import hydrogel_impedance
from hs_specaug.datasets._polymers import polymer_spectra
from hs_specaug.datasets._white_lines import white_lines

__all__ = ["core_shell_map", "hydrogel_impedance", "polymer_spectra", "white_lines"]
