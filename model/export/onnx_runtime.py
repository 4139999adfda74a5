"""The library ONNX Runtime, with its telemetry turned off. Import it from here alone.

The official builds send events about models and machine to their maker unless this variable is set before the import, and
write a file into the folder for temporary files (its Privacy.md, "Disabling Telemetry").
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime  # noqa: TID251 - after the line above
from onnxruntime.capi import onnxruntime_pybind11_state as errors  # noqa: TID251

__all__ = ["errors", "onnxruntime"]
