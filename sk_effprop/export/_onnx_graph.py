"""Graphs of ONNX operators, and models made of them."""

from typing import Any

import numpy as np

# The graphs need no older operators.
SMALLEST_OPSET = 13
# Operators of ONNX 1.12 and files of ONNX 1.10, so that old runtimes can read them.
OPSET = 17
# Operators of ONNX 1.4 that encode strings.
ML_OPSET = 2


def import_onnx(caller: str) -> Any:
    """Return the module onnx; an ImportError names the extra."""
    try:
        import onnx
    except ImportError as error:
        raise ImportError(
            f"{caller} needs onnx, the extra 'onnx': pip install 'sk_effprop[onnx]'."
        ) from error
    return onnx


class Graph:
    """Builder of a graph: ``graph("Add", "X", 1.0)`` returns the name of the result.

    Inputs are names of earlier results, or constants: arrays, or numbers, which become
    doubles.
    """

    def __init__(self, onnx: Any) -> None:
        self.onnx = onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []

    def __call__(self, op: str, *inputs: Any, name: str = "", **attributes: Any) -> str:
        """Add an operator to the graph; return the name of its result."""
        name = name or self._free(f"{op}_{len(self.nodes)}")
        names = [i if isinstance(i, str) else self._constant(i) for i in inputs]
        self.nodes.append(
            self.onnx.helper.make_node(op, names, [name], name=name, **attributes)
        )
        return name

    def _constant(self, value: Any) -> str:
        name = self._free(f"constant_{len(self.constants)}")
        value = value if isinstance(value, np.ndarray) else np.float64(value)
        self.constants.append(
            self.onnx.numpy_helper.from_array(np.asarray(value), name)
        )
        return name

    def _free(self, name: str) -> str:
        """Return a name that no input has."""
        while any(one.name == name for one in self.inputs):
            name += "_"
        return name

    def cast(self, x: str, kind: str, **options: Any) -> str:
        """Convert to the ONNX type of this name."""
        return self("Cast", x, to=getattr(self.onnx.TensorProto, kind), **options)

    def declare_input(self, name: str, kind: str, n_columns: int) -> None:
        """Declare an input with a row for each sample."""
        shape, of_type = [None, n_columns], getattr(self.onnx.TensorProto, kind)
        value = self.onnx.helper.make_tensor_value_info(name, of_type, shape)
        self.inputs.append(value)

    def declare_output(self, name: str, dtype: Any, *shape: int) -> None:
        """Declare a result as an output, whose first axis is that of the samples."""
        helper = self.onnx.helper
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self.outputs.append(helper.make_tensor_value_info(name, kind, [None, *shape]))

    def finish(self, name: str, opset: int) -> Any:
        """Make a model of the graph, and check it."""
        helper = self.onnx.helper
        versions = [helper.make_opsetid("", opset)]
        domains = {node.domain for node in self.nodes} - {""}
        versions += [helper.make_opsetid(domain, ML_OPSET) for domain in domains]
        graph = helper.make_graph(
            self.nodes, name, self.inputs, self.outputs, self.constants
        )
        model = helper.make_model(
            graph,
            producer_name="sk_effprop",
            opset_imports=versions,
            # the oldest files that can contain these operators
            ir_version=helper.find_min_ir_version_for(versions),
        )
        self.onnx.checker.check_model(model, full_check=True)
        return model
