"""OpenVINO, kept from reporting its use.

Its wheel brings a package that sends what is converted, and an id that it leaves in the home
folder, to its makers unless told not to. OpenVINO does without where that cannot be imported.
"""

from __future__ import annotations

import sys

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # noqa: E402
from openvino.frontend import FrontEndManager  # noqa: E402
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder  # noqa: E402
from openvino.passes import ConstantFolding, Manager  # noqa: E402

__all__ = [
    "ConstantFolding",
    "FrontEndManager",
    "Manager",
    "TorchScriptPythonDecoder",
    "openvino",
]
