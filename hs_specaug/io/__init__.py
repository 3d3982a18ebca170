"""Files: models without pickle."""

from ._model_file import FORMAT_VERSION, read_model, write_atomically, write_model

__all__ = ["FORMAT_VERSION", "read_model", "write_atomically", "write_model"]
