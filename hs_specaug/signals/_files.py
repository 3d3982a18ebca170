"""Saving a signal so that no file of its name is ever half of one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..io import write_atomically
from ._result_files import SUFFIXES, write_folder

#: What leaves an open or partly written file behind on purpose.
HYPERSPYS_OWN = {"close_file", "mode", "write_dataset"}


class FilesMixin:
    """Files of HyperSpy's own formats that appear under their name when they are complete."""

    def save(
        self,
        filename: Any = None,
        overwrite: bool | None = None,
        extension: str | None = None,
        file_format: str | None = None,
        **kwds: Any,
    ) -> None:
        """Save the signal, see :meth:`hyperspy.api.signals.BaseSignal.save`.

        ``.hspy`` and ``.zspy`` files are written under another name in the same folder
        (``.name.part-...``), which becomes theirs at the end: who reads the file, also after the
        process was killed or the disk is full, sees the old one or the whole new one. Other
        formats, and an existing file that a lazy signal overwrites, are written in place.

        Parameters
        ----------
        filename, overwrite, extension, file_format, **kwds
            As in HyperSpy.
        """
        parent: Any = super()
        named = isinstance(filename, str | os.PathLike) and extension is None
        path = Path(filename).resolve() if named else Path()
        plain = named and file_format is None and path.suffix in SUFFIXES
        in_place = HYPERSPYS_OWN & kwds.keys() or (path.suffix == ".hspy" and path.is_dir())
        signal: Any = self
        if not plain or in_place or (path.exists() and signal._lazy):
            parent.save(filename, overwrite, extension, file_format, **kwds)
            return
        if path.exists() and overwrite is None:
            from rsciio.utils.path import overwrite as ask

            overwrite = ask(path)
        if path.exists() and not overwrite:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        write = write_atomically if path.suffix == ".hspy" else write_folder
        write(path, lambda part: parent.save(part, overwrite=True, **kwds))
        for key, value in {"folder": path.parent, "filename": path.stem}.items():
            signal.tmp_parameters.set_item(key, value)
