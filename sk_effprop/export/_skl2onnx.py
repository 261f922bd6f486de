"""Converters for skl2onnx, so that Pipelines with our estimators become ONNX models.

They copy the graph of :func:`~sk_effprop.export.to_onnx` into the model that skl2onnx
is making, under names that are new there.
"""

from typing import Any

import numpy as np
from sklearn.base import is_classifier

from sk_effprop.export._fitted import check_one_column, exported_network
from sk_effprop.export._onnx import (
    add_inputs,
    add_normalization,
    label_table,
    network_graph,
)
from sk_effprop.export._onnx_graph import Graph
from sk_effprop.export._onnx_table import Source, add_table
from sk_effprop.export._precision import warn_of_rounding
from sk_effprop.export._skl2onnx_copy import Copy
from sk_effprop.export._table import holds_numbers_only

# Names of the options of skl2onnx's own classifiers.
CLASSIFIER_OPTIONS = {
    "zipmap": [True, False, "columns"],
    "nocl": [True, False],
    "output_class_labels": [False, True],
    "raw_scores": [True, False],
}


def register_skl2onnx() -> None:
    """Teach skl2onnx to convert the estimators and transformers of this package.

    Afterwards, ``skl2onnx.to_onnx`` and ``convert_sklearn`` accept them, alone and in a
    Pipeline, a ColumnTransformer, or another model that skl2onnx converts.  Calling it
    again does no harm.

    Returns
    -------
    None

    Raises
    ------
    ImportError
        If skl2onnx, a part of the extra "onnx", is not installed.

    See Also
    --------
    to_onnx : Conversion of a single network, with class labels of any type.

    Notes
    -----
    The options of skl2onnx's classifiers are accepted: "zipmap", "nocl", "raw_scores"
    and "output_class_labels".  ``options={"zipmap": False}`` makes the probabilities a
    tensor.  Labels are int64 or strings, and outputs have the precision of the inputs,
    as with other models of skl2onnx.

    Examples
    --------
    >>> import numpy as np
    >>> import skl2onnx
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import PolynomialFeatures
    >>> from sk_effprop import EffPropClassifier
    >>> from sk_effprop.export import register_skl2onnx
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = EffPropClassifier((5,), random_state=0)
    >>> pipeline = make_pipeline(PolynomialFeatures(2), classifier).fit(X, y)
    >>> register_skl2onnx()
    >>> model = skl2onnx.to_onnx(
    ...     pipeline, X[:1].astype(np.float32), options={"zipmap": False}
    ... )
    >>> [output.name for output in model.graph.output]
    ['label', 'probabilities']
    """
    try:
        import skl2onnx
    except ImportError as error:
        raise ImportError(
            "register_skl2onnx needs skl2onnx, a part of the extra 'onnx': "
            "pip install 'sk_effprop[onnx]'."
        ) from error
    from sk_effprop._tables import TableEncoder
    from sk_effprop.estimators._classifier import EffPropClassifier
    from sk_effprop.estimators._regressor import EffPropRegressor
    from sk_effprop.preprocessing import InputNormalizer

    register = skl2onnx.update_registered_converter
    register(
        EffPropClassifier,
        "SkEffpropEffPropClassifier",
        _set_classifier_types,
        _convert_network,
        options=CLASSIFIER_OPTIONS,
    )
    register(
        EffPropRegressor,
        "SkEffpropEffPropRegressor",
        _set_regressor_types,
        _convert_network,
    )
    register(
        InputNormalizer,
        "SkEffpropInputNormalizer",
        _set_normalizer_types,
        _convert_normalizer,
    )
    register(
        TableEncoder, "SkEffpropTableEncoder", _set_encoder_types, _convert_encoder
    )


# -------------------------------------------------------------------------------- types


def _set_classifier_types(operator: Any) -> None:
    from skl2onnx.common.data_types import Int64TensorType, StringTensorType
    from skl2onnx.common.utils_classifier import get_label_classes

    est = operator.raw_operator
    check_one_column(est, "skl2onnx")
    labels = np.asarray(get_label_classes(operator.scope_inst, est))
    n = operator.inputs[0].get_first_dimension()
    shape = [n, est.n_outputs_] if est.coding_.is_multilabel else [n]
    kind = Int64TensorType if labels.dtype.kind in "biuf" else StringTensorType
    operator.outputs[0].set_type(kind(shape))
    operator.outputs[1].set_type(_real_type(operator)([n, len(labels)]))


def _set_regressor_types(operator: Any) -> None:
    n_outputs = operator.raw_operator.n_outputs_
    n = operator.inputs[0].get_first_dimension()
    operator.outputs[0].set_type(_real_type(operator)([n, n_outputs]))


def _set_normalizer_types(operator: Any) -> None:
    n_columns = operator.raw_operator.n_features_in_
    n = operator.inputs[0].get_first_dimension()
    operator.outputs[0].set_type(_real_type(operator)([n, n_columns]))


def _set_encoder_types(operator: Any) -> None:
    n_inputs = len(operator.raw_operator.source_)
    n = operator.inputs[0].get_first_dimension()
    operator.outputs[0].set_type(_real_type(operator)([n, n_inputs]))


def _real_type(operator: Any) -> Any:
    """Type of the outputs: double for inputs that are, otherwise float."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    kinds = {type(variable.type) for variable in operator.inputs}
    return DoubleTensorType if DoubleTensorType in kinds else FloatTensorType


# --------------------------------------------------------------------------- converters


def _convert_network(scope: Any, operator: Any, container: Any) -> None:
    import onnx

    est = operator.raw_operator
    exported_network(est, "skl2onnx")
    check_one_column(est, "skl2onnx")
    asked = {}
    if is_classifier(est):
        options = container.get_options(est, {"raw_scores": False})
        asked = {"labels": _labels(scope, est), "raw_scores": options["raw_scores"]}
    graph, copied = Graph(onnx), Copy(scope, operator, container)
    source, kind = _source(copied, est.table_encoder_), _kind_of_levels(operator)
    if kind == "FLOAT":
        warn_of_rounding(est, "skl2onnx", " or declare DoubleTensorType")
    x = add_inputs(graph, est, source, kind)
    copied.add(network_graph(est, graph, x, **asked))


def _convert_normalizer(scope: Any, operator: Any, container: Any) -> None:
    import onnx

    record, graph = operator.raw_operator.normalization_, Graph(onnx)
    copied = Copy(scope, operator, container)
    x = graph.cast(copied.matrix(), "DOUBLE")
    z = add_normalization(graph, x, record.shift, record.A, record.clip)
    graph("Identity", z, name="variable")
    graph.declare_output("variable", np.float64, operator.raw_operator.n_features_in_)
    copied.add(graph)


def _convert_encoder(scope: Any, operator: Any, container: Any) -> None:
    import onnx

    encoder, graph = operator.raw_operator, Graph(onnx)
    copied = Copy(scope, operator, container)
    source, kind = _source(copied, encoder), _kind_of_levels(operator)
    numbers = add_table(graph, encoder, source, kind)
    graph("Identity", numbers, name="variable")
    graph.declare_output("variable", np.float64, len(encoder.source_))
    copied.add(graph)


def _source(copied: Copy, encoder: Any) -> Source:
    """A matrix, or the columns of a table if its encoder needs them."""
    is_one = len(copied.operator.inputs) == 1
    if encoder is None or (is_one and holds_numbers_only(encoder)):
        return copied.matrix()
    return copied.columns(encoder)


def _kind_of_levels(operator: Any) -> str:
    """Type in which levels are compared: float32 if an input is."""
    from skl2onnx.common.data_types import FloatTensorType

    kinds = [type(variable.type) for variable in operator.inputs]
    return "FLOAT" if FloatTensorType in kinds else "DOUBLE"


def _labels(scope: Any, est: Any) -> Any:
    """Class labels in a type that skl2onnx has: int64 or strings."""
    from skl2onnx.common.utils_classifier import get_label_classes

    labels = label_table(np.asarray(get_label_classes(scope, est)))
    # floats are whole numbers, as scikit-learn accepts no others as labels
    return labels.astype(np.int64) if labels.dtype.kind in "bf" else labels
