"""Export of fitted networks to formats that do not need sk_effprop.

``SKOPS_TYPES`` names the types of this package that a file written by skops contains::

    skops.io.load("model.skops", trusted=SKOPS_TYPES)
"""

from sk_effprop.export._c import to_c
from sk_effprop.export._inference import to_inference
from sk_effprop.export._mlp import to_sklearn
from sk_effprop.export._onnx import to_onnx
from sk_effprop.export._skl2onnx import register_skl2onnx
from sk_effprop.export._skops import SKOPS_TYPES

__all__ = [
    "SKOPS_TYPES",
    "register_skl2onnx",
    "to_c",
    "to_inference",
    "to_onnx",
    "to_sklearn",
]
