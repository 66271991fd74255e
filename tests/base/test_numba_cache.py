"""Compiled functions where neither the folder of their file nor the user's can be written."""

import os
import subprocess
import sys

from helpers.places import ROOT

# As root, whom no folder refuses, numba is told that all its places do; only the one that is named stays.
SCRIPT = """
import os
from numba.core import caching

def refuse(self):
    raise OSError("read-only")

for name, place in vars(caching).items():
    name = name.strip("_")
    if name.endswith("CacheLocator") and name not in ("CacheLocator", "UserProvidedCacheLocator"):
        place.ensure_cache_path = refuse
import numpy as np
from w2l.talker.photo import raster
print(raster.facing.__name__, os.environ["NUMBA_CACHE_DIR"])
"""


def test_talkers_need_no_place_to_write(tmp_path):
    env = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    env |= {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null", "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"_facing {tmp_path}")
    assert not list(tmp_path.iterdir())  # nothing stays
