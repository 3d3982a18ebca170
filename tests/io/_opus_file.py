"""A writer of Bruker OPUS files, as small as readers allow."""

import struct

import numpy as np

MAGIC = b"\n\n\xfe\xfe"
#: (complex part, source, parameters, result, derivative, extended) of a block.
ABSORBANCE, TRANSMITTANCE = (3, 3, 0, 4, 0, 0), (3, 3, 0, 5, 0, 0)
SAMPLE = (0, 0, 10, 0, 0, 0)
DIRECTORY = (0, 0, 0, 13, 0, 0)
SHIFTS = (0, 2, 4, 10, 17, 19)


def type_code(kind):
    return sum(value << shift for value, shift in zip(kind, SHIFTS, strict=True))


def parameters(**values):
    out = b""
    for name, value in values.items():
        head = name.upper().encode() + b"\0"
        if isinstance(value, str):
            text = value.encode() + b"\0"
            text += b"\0" * (-len(text) % 2)
            out += head + struct.pack("<2h", 2, len(text) // 2) + text
        elif isinstance(value, float):
            out += head + struct.pack("<2h", 1, 4) + struct.pack("<d", value)
        else:
            out += head + struct.pack("<2h", 0, 2) + struct.pack("<i", value)
    out += b"END\0" + struct.pack("<2h", 0, 0)
    return out + b"\0" * (-len(out) % 4)


def write_opus(path, results, first, last, units="WN", sample="polyethylene"):
    """Write results, a dict of block kind to intensities over `first` to `last`."""
    blocks = [(SAMPLE, parameters(snm=sample, sfm="film"))]
    for kind, values in results.items():
        values = np.asarray(values, dtype="<f4")
        status = parameters(
            dpf=1, npt=len(values), fxv=float(first), lxv=float(last), csf=1.0,
            mxy=float(values.max()), mny=float(values.min()), dxu=units,
            dat="14/03/2024", tim="09:26:53.589 (GMT+1)",
        )  # fmt: skip
        blocks += [(kind, values.tobytes()), ((*kind[:2], 1, *kind[3:]), status)]
    n_entries = len(blocks) + 1
    start = 24
    place = start + 12 * n_entries
    entries = [(type_code(DIRECTORY), 3 * n_entries, start)]
    for kind, content in blocks:
        entries.append((type_code(kind), len(content) // 4, place))
        place += len(content)
    head = MAGIC + struct.pack("<d3i", 920622.0, start, n_entries, n_entries)
    table = b"".join(struct.pack("<3i", *entry) for entry in entries)
    path.write_bytes(head + table + b"".join(content for _, content in blocks))
    return path
