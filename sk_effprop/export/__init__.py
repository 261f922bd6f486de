"""Export of fitted networks to formats that do not need sk_effprop."""

from sk_effprop.export._mlp import to_sklearn
from sk_effprop.export._onnx import to_onnx

__all__ = ["to_onnx", "to_sklearn"]
