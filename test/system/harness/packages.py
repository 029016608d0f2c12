# SPDX-License-Identifier: BSD-2-Clause
"""Debian packages that are unpacked and not installed: their services would start, or conflict."""

import os
import pathlib

from .process import make_directory, program, run


def unpack(base, names):
    """A root directory below `base` with the files of these packages. They are kept in $SLUICE_CACHE
    when it is set, so that a later run needs no network."""
    cache = pathlib.Path(os.environ.get("SLUICE_CACHE") or base / "packages")
    cache.mkdir(parents=True, exist_ok=True)
    if not all(list(cache.glob(f"{name}_*.deb")) for name in names):
        run(program("apt-get"), "download", *names, cwd=cache, timeout=300)
    root = make_directory(base / "root")
    for name in names:
        newest = max(cache.glob(f"{name}_*.deb"), key=os.path.getmtime)
        run(program("dpkg"), "-x", newest, root)
    return root
