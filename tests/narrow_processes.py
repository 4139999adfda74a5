"""The environment in which started processes train a narrow network, where its size does not matter."""

import os
from pathlib import Path

_FOLDERS = (str(Path(__file__).parent / "narrow"), os.environ.get("PYTHONPATH"))
NARROW = {"PYTHONPATH": os.pathsep.join(filter(None, _FOLDERS))}
"""With a quarter of the channels, a training takes a tenth of the time."""
