"""What perturbations of images share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from ._base import Perturbation
from ._domain import IMAGES, Domain
from ._draws import Draws


class ImagePerturbation(Perturbation):
    """Base of perturbations of images, of shape (n, channels, height, width)."""

    valid_for: ClassVar[frozenset[str]] = IMAGES
    reason: ClassVar[str] = "it moves or covers pixels of images; spectra have none"
    #: Pairs of parameters of which the first must not be larger than the second.
    _ranges: ClassVar[tuple[tuple[str, str], ...]] = ()

    def check(self, domain: Domain) -> None:
        """Raise unless rows may be images and the parameters make sense."""
        super().check(domain)
        for low, high in self._ranges:
            if getattr(self, low) > getattr(self, high):
                raise ValueError(
                    f"{self.name!r}: {low} must not be larger than {high}, got "
                    f"{low}={getattr(self, low)!r} and {high}={getattr(self, high)!r}"
                )

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        if X.ndim != 4:
            raise ValueError(
                f"{self.name!r} needs images of shape (n, channels, height, width), got rows of "
                f"shape {tuple(X.shape[1:])}; grey images are X[:, None]"
            )
        return self._change(X, domain, draws)

    @abstractmethod
    def _change(self, X: Any, domain: Domain, draws: Draws) -> Any:
        """Return changed images of shape (n, channels, height, width)."""
