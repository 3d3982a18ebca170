"""A clear word where PyTorch is needed and cannot be imported."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator

WITHOUT = (
    "labels, preprocessing, perturbations, SMOTE, few-shot and the classifiers of scikit-learn "
    "work without it"
)


@contextlib.contextmanager
def needs_torch(what: str) -> Iterator[None]:
    """Import something that may need PyTorch; say so, if that is what it fails of.

    A package that is there may still be broken: a library that the system cannot load is an
    OSError, one for another version of NumPy an ImportError or anything else.

    Parameters
    ----------
    what : str
        What is imported, for the message.

    Raises
    ------
    ImportError
        If PyTorch cannot be imported.
    """
    try:
        yield
    except AttributeError:
        raise
    except Exception as error:
        reason = why_torch_fails()
        if reason is None:
            raise
        raise ImportError(
            f"{what} needs PyTorch, which cannot be imported ({reason}). Install it with: pip "
            f'install --force-reinstall "torch>=2.4", or see https://pytorch.org; {WITHOUT}'
        ) from error


def why_torch_fails() -> str | None:
    """Return what importing PyTorch raises, or None if it can be imported."""
    try:
        importlib.import_module("torch")
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None
