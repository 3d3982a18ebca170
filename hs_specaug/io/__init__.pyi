from ._image_folder import read_image_folder
from ._impedance import read_impedance
from ._infrared import read_infrared
from ._model_file import FORMAT_VERSION, read_model, write_atomically, write_model
from ._table_signal import read_table

__all__ = [
    "FORMAT_VERSION",
    "read_image_folder",
    "read_impedance",
    "read_infrared",
    "read_model",
    "read_table",
    "write_atomically",
    "write_model",
]
