"""A model up to its state in OpenVINO, compiled for the CPU it finds: float32, bf16 or int8."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from affect_core.engine_plan import CpuPrecision, Precision
from affect_core.model import AffectModel
from affect_core.quantise import Quantised, Range
from affect_core.quiet_openvino import (
    ConstantFolding,
    FrontEndManager,
    Manager,
    TorchScriptPythonDecoder,
    openvino,
)

NAME: Final = f"openvino {openvino.__version__.partition('-')[0]}"


def native_precisions() -> frozenset[CpuPrecision]:
    """The precisions that this CPU has instructions for; float32 always."""
    able = set(_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
    names: dict[CpuPrecision, str] = {"bfloat16": "BF16", "int8": "INT8"}
    return frozenset({"float32", *(name for name, flag in names.items() if flag in able)})


def _hint(precision: Precision) -> str:
    """What is computed in that is not in eight bits."""
    # With f32 OpenVINO 2026.4 ran convolutions rounded to int8 in float32: 155 ms a frame, not 20.
    low = precision == "bfloat16" or (precision == "int8" and "bfloat16" in native_precisions())
    return "bf16" if low else "f32"


@functools.cache
def _core() -> openvino.Core:
    """One for the process, which is never given up.

    Each brings a stack for signals, large enough for AMX's registers. Of two that do not end in
    the reverse of their order one leaves a stack in place that is gone, and the next signal is the
    process's last.
    """
    return openvino.Core()


class OpenVINOEngine:
    """A traced backbone, compiled.

    A crop's features are the same bits whatever batch it comes in, and however many threads
    there are. Calls come one after the other.

    Args:
        model: in evaluation mode; it can be dropped afterwards.
        precision: of the convolutions.
        ranges: of each convolution's input, for int8 only; see `Quantised`.
        threads: that share each call.
    """

    def __init__(
        self,
        model: AffectModel,
        precision: Precision,
        ranges: Sequence[Range | None] | None,
        threads: int,
    ) -> None:
        size = model.crop_size
        graph = _converted(_Projected(model, ranges), size)
        compiled = _core().compile_model(
            graph,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": _hint(precision),
                "INFERENCE_NUM_THREADS": threads,
                "PERFORMANCE_HINT": "LATENCY",
            },
        )
        self._request = compiled.create_infer_request()

    def __call__(self, crops: NDArray[np.uint8], /) -> Tensor:
        """See `Engine`."""
        self._request.infer({0: np.ascontiguousarray(crops)}, share_inputs=True)
        # The request's own buffer is written over by the next call.
        return torch.from_numpy(self._request.get_output_tensor(0).data.copy())


class _Projected(nn.Module):
    """Crops to what the temporal model takes, rounding what int8 rounds: the backbone."""

    def __init__(self, model: AffectModel, ranges: Sequence[Range | None] | None) -> None:
        super().__init__()
        self._model = model
        self._rounding = None if ranges is None else Quantised(ranges)

    def forward(self, crops: Tensor) -> Tensor:
        """See `AffectModel.projected`."""
        if self._rounding is None:
            return self._model.projected(crops)
        with self._rounding:
            features = self._model.features(crops)
        return self._model.temporal.project(features)


def _converted(projected: _Projected, size: int) -> openvino.Model:
    """An OpenVINO model of the traced calls, for any number of crops."""
    example = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    with torch.inference_mode(), warnings.catch_warnings():
        # Deprecated, but what OpenVINO reads; its reader of torch.export's graphs was not tried.
        warnings.filterwarnings("ignore", "`torch.jit.trace", DeprecationWarning)
        projected(example)  # the weights' scales, which the trace takes as constants
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]
            projected, example, check_trace=False
        )
    frontend = FrontEndManager().load_by_framework("pytorch")
    decoder = TorchScriptPythonDecoder(traced)  # called back until the conversion ends
    graph = frontend.convert(frontend.load(decoder))
    graph.reshape({graph.inputs[0]: openvino.PartialShape([-1, size, size, 3])})
    # The scales of weights come out as sums to be done. Only where they are constants the plugin
    # finds convolutions of integers: 32 ms a frame instead of 62.
    folding = Manager()
    folding.register_pass(ConstantFolding())
    folding.run_passes(graph)
    return graph
