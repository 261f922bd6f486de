"""Data and settings that cannot work: a clear sentence, and nothing is lost."""

import warnings

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core.activations import ACTIVATIONS, TANH, Activation
from sk_effprop.estimators._parameters import NEUTRAL_ONLY

BOTH = [EffPropClassifier, EffPropRegressor]
SGD = {
    "hidden_layer_sizes": (5,), "solver": "sgd", "max_iter": 2, "tol": 0.0,
    "random_state": 0,
}  # fmt: skip

both = pytest.mark.parametrize("cls", BOTH, ids=lambda cls: cls.__name__[7:])


def problem(cls, n=40):
    """A small problem of either kind."""
    X = np.random.default_rng(0).normal(size=(n, 3))
    score = X[:, 0] - X[:, 1]
    return X, score if cls is EffPropRegressor else np.digitize(score, [-0.7, 0.7])


def learnt(model):
    """Everything that fitting has set, as one hash."""
    parameters = model.get_params()
    return joblib.hash({k: v for k, v in vars(model).items() if k not in parameters})


def assert_refused(model, call, message):
    """The call is refused in these words, and the model stays as it was."""
    before = learnt(model)
    with pytest.raises(ValueError, match=message):
        call(model)
    assert learnt(model) == before


def with_entry(X, value):
    """X with one entry changed."""
    X = X.copy()
    X[2, 1] = value
    return X


# ------------------------------------------------------------------------------ data

# name -> (what becomes of X and y, what is said about it)
BAD_DATA = {
    "nan_in_X": (lambda X, y: (with_entry(X, np.nan), y), "Input X contains NaN"),
    "inf_in_X": (lambda X, y: (with_entry(X, np.inf), y), "Input X contains infinity"),
    "nan_in_sparse_X": (
        lambda X, y: (sparse.csr_array(with_entry(X, np.nan)), y),
        "Input X contains NaN",
    ),
    "nan_in_y": (
        lambda X, y: (X, np.where(np.arange(len(y)) == 1, np.nan, y)),
        "Input y contains NaN",
    ),
    "inf_in_y": (
        lambda X, y: (X, np.where(np.arange(len(y)) == 1, np.inf, y)),
        "Input y contains infinity",
    ),
    "one_dimension": (lambda X, y: (X[:, 0], y), "Expected 2D array, got 1D array"),
    "three_dimensions": (lambda X, y: (X[:, :, None], y), "dim 3"),
    "no_rows": (lambda X, y: (X[:0], y[:0]), "0 sample"),
    "no_columns": (lambda X, y: (X[:, :0], y), "0 feature"),
    "short_y": (lambda X, y: (X, y[:-1]), "inconsistent numbers of samples"),
    "no_y": (lambda X, y: (X, None), "requires y to be passed"),
    "text": (
        lambda X, y: (with_entry(X.astype(object), "tall"), y),
        "could not convert string to float: 'tall'",
    ),
    "complex": (lambda X, y: (X + 1j, y), "Complex data not supported"),
}


@both
@pytest.mark.parametrize("call", ["fit", "partial_fit", "loss_and_gradient"])
@pytest.mark.parametrize("name", BAD_DATA)
def test_data_that_cannot_be_read_are_refused(cls, name, call):
    X, y = problem(cls)
    spoil, message = BAD_DATA[name]
    model = cls(**SGD).fit(X, y)
    assert_refused(model, lambda m: getattr(m, call)(*spoil(X, y)), message)


@both
@pytest.mark.parametrize(
    "name", ["nan_in_X", "inf_in_X", "one_dimension", "no_rows", "text"]
)
def test_inputs_that_cannot_be_read_are_refused_in_predictions(cls, name):
    X, y = problem(cls)
    spoil, message = BAD_DATA[name]
    model = cls(**SGD).fit(X, y)
    assert_refused(model, lambda m: m.predict(spoil(X, y)[0]), message)
    assert_refused(model, lambda m: m.hidden_activations(spoil(X, y)[0]), message)


@both
def test_another_number_of_columns_is_refused(cls):
    X, y = problem(cls)
    model = cls(**SGD).fit(X, y)
    message = "X has 2 features, but .* is expecting 3 features"
    for call in ("partial_fit", "loss_and_gradient"):
        assert_refused(
            model, lambda m, call=call: getattr(m, call)(X[:, :2], y), message
        )
    assert_refused(model, lambda m: m.predict(X[:, :2]), message)
    assert_refused(
        model, lambda m: m.fit(X, y, X_val=X[:, :2], y_val=y), "X has 2 features"
    )
    model.fit(X[:, :2], y)
    assert model.n_features_in_ == 2


@both
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (-np.ones(40), "Negative values in data passed to `sample_weight`"),
        (
            np.zeros(40),
            "(?i)sample.weights? must (have a positive|contain .* non-zero)",
        ),
        (np.ones(39), "sample_weight.shape"),
        (np.ones((40, 2)), "Sample weights must be 1D"),
        (np.full(40, np.nan), "sample_weight contains NaN"),
        (np.full(40, np.inf), "sample_weight contains infinity"),
    ],
    ids=["negative", "zero", "short", "2d", "nan", "inf"],
)
def test_weights_that_make_no_sense_are_refused(cls, weight, message):
    X, y = problem(cls)
    model = cls(**SGD).fit(X, y)
    assert_refused(model, lambda m: m.fit(X, y, sample_weight=weight), message)
    assert_refused(model, lambda m: m.partial_fit(X, y, sample_weight=weight), message)
    assert_refused(
        model,
        lambda m: m.fit(X, y, X_val=X, y_val=y, sample_weight_val=weight),
        message,
    )


@both
def test_validation_data_come_in_pairs(cls):
    X, y = problem(cls)
    model = cls(**SGD).fit(X, y)
    message = "X_val and y_val must be given together"
    assert_refused(model, lambda m: m.fit(X, y, X_val=X), message)
    assert_refused(model, lambda m: m.fit(X, y, y_val=y), message)


def test_validation_data_with_a_class_of_their_own_are_refused():
    X, y = problem(EffPropClassifier)
    model = EffPropClassifier(**SGD).fit(X, y)
    assert_refused(
        model,
        lambda m: m.fit(X[y < 2], y[y < 2], X_val=X, y_val=y),
        "2.* not among the classes",
    )


@both
def test_predictions_before_fit_are_refused(cls):
    X, y = problem(cls)
    model = cls()
    calls = [
        lambda: model.predict(X),
        lambda: model.hidden_activations(X),
        lambda: model.loss_and_gradient(X, y),
    ]
    if cls is EffPropClassifier:
        calls += [lambda: model.predict_proba(X), lambda: model.decision_function(X)]
    for call in calls:
        with pytest.raises(NotFittedError, match=cls.__name__):
            call()


def test_targets_of_a_stream_keep_their_number():
    X, y = problem(EffPropRegressor)
    model = EffPropRegressor(**SGD).partial_fit(X, y)
    two = np.column_stack([y, y])
    assert_refused(model, lambda m: m.partial_fit(X, two), "y has 2 outputs.* had 1")


# --------------------------------------------------------------------------- classes


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("make_y", "message"),
    [
        (lambda X: X[:, 0], "Unknown label type: continuous"),
        (
            lambda X: np.digitize(X[:, :2], [-0.5, 0.5]),
            "multiclass-multioutput targets are not supported.*MultiOutputClassifier",
        ),
        (lambda X: X[:, :2], "Unknown label type"),
    ],
    ids=["continuous", "multiclass_multioutput", "continuous_multioutput"],
)
def test_targets_that_are_no_classes_are_refused(make_y, message, call):
    X, y = problem(EffPropClassifier)
    model = EffPropClassifier(**SGD).fit(X, y)
    assert_refused(model, lambda m: getattr(m, call)(X, make_y(X)), message)


def test_classes_that_were_not_announced_are_refused():
    X, y = problem(EffPropClassifier)
    names = np.array(["low", "middle", "high"])[y]
    model = EffPropClassifier(**SGD).partial_fit(X, names)
    odd = np.where(np.arange(40) == 5, "absurd", names)
    message = "'absurd'.*not among the classes.*'low'.*classes="
    assert_refused(model, lambda m: m.partial_fit(X, odd), message)
    assert_refused(model, lambda m: m.loss_and_gradient(X, odd), message)
    fresh = EffPropClassifier(**SGD)
    assert_refused(
        fresh, lambda m: m.partial_fit(X, y, classes=[0, 1]), "not among the classes"
    )


def test_multilabel_and_single_label_are_not_mixed_in_a_stream():
    X, y = problem(EffPropClassifier)
    labels = (X > 0).astype(int)
    single = EffPropClassifier(**SGD).partial_fit(X, y)
    several = EffPropClassifier(**SGD).partial_fit(X, labels)
    message = "does not fit the classes of the first call"
    assert_refused(single, lambda m: m.partial_fit(X, labels), message)
    assert_refused(several, lambda m: m.partial_fit(X, y), message)
    assert_refused(several, lambda m: m.partial_fit(X, labels[:, :2]), message)


def test_a_column_of_labels_gives_a_warning():
    X, y = problem(EffPropClassifier)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        column = EffPropClassifier(**SGD).fit(X, y[:, None])
    row = EffPropClassifier(**SGD).fit(X, y)
    np.testing.assert_array_equal(column.theta_, row.theta_)


# ------------------------------------------------------------------------ parameters

# name -> values that break its rule
BAD_VALUES = {
    "damping": [0.0, -1.0, "some"],
    "curvature_decay": [-0.1, 1.0, "slow"],
    "curvature_samples": [0, 2.5, "all"],
    "curvature_period": [0, -np.inf, "often"],
    "hidden_layer_sizes": [0, -3, (5, 0), (2.5,), "wide"],
    "activation": ["sigmoid", ["tanh", "sigmoid"], ("sigmoid",), (np.tanh, np.cos)],
    "twist": [-0.1, "a"],
    "output_activation": ["softmax", (np.tanh, np.tanh, np.tanh)],
    "init": ["xavier", -1.0],
    "bias_init": ["ones"],
    "normalize": ["minmax", True],
    "input_clip": [0.0, -1.0],
    "input_gains": ["yes"],
    "solver": ["newton"],
    "batch_size": [0, 2.5, "half"],
    "batch_growth": [0.5],
    "shuffle": ["often"],
    "emphasis": [-0.1, 1.1],
    "learning_rate_init": [0.0, -1.0, "fast"],
    "learning_rate": ["linear"],
    "power_t": [-1.0],
    "annealing_tau": [0.0],
    "flow_rates": [(0.1, 1.0), (0.0, 1.0, 0.1), (0.1, 1.0, 1.5), ("a", 1, 0.1), 3.0],
    "learning_rate_scaling": ["fan_in"],
    "momentum": [1.0, -0.1],
    "nesterovs_momentum": ["yes"],
    "averaging": ["yes", None],
    "beta_1": [1.0],
    "beta_2": [-0.1],
    "epsilon": [0.0],
    "alpha": [-1.0, "strong"],
    "max_iter": [0, 1.5, "all"],
    "max_fun": [0],
    "tol": [-1e-3],
    "n_iter_no_change": [0, 2.5],
    "goal": ["low"],
    "max_time": [0.0],
    "early_stopping": ["yes"],
    "validation_fraction": [0.0, 1.0],
    "scoring": ["sharpness", 0.5, None],
    "engine": ["cuda"],
    "loss": ["hinge", np.square, None],
    "random_state": ["seed"],
    "warm_start": ["yes"],
    "verbose": ["loud"],
}
BAD_VALUES_OF = {
    EffPropClassifier: BAD_VALUES
    | {
        "class_weight": ["heavy"],
        "target_values": ["middle", (1, -1), (0, 0), (-1,), ("a", "b"), 3],
    },
    EffPropRegressor: BAD_VALUES
    | {
        "normalize_target": ["yes"],
        "quantile": [0.0, 1.0, "half"],
        "huber_delta": [0.0, -1.0, "auto"],
    },
}


@both
def test_every_parameter_that_can_be_wrong_is_tried(cls):
    """A new parameter cannot be forgotten; planned ones are tried in test_uses."""
    tried = BAD_VALUES_OF[cls].keys()
    assert set(cls().get_params()) - NEUTRAL_ONLY.keys() == tried


@pytest.mark.parametrize(
    ("cls", "name", "value"),
    [
        pytest.param(cls, name, value, id=f"{cls.__name__[7:]}-{name}-{value}")
        for cls in BOTH
        for name, values in BAD_VALUES_OF[cls].items()
        for value in values
    ],
)
def test_a_wrong_value_is_refused_by_name_rule_and_value(cls, name, value):
    X, y = problem(cls)
    if name == "activation" and isinstance(value, list):
        value = value[:1] if value == ["sigmoid"] else value
    model = cls(**SGD).fit(X, y)
    before = learnt(model)
    model.set_params(**{name: value})
    with pytest.raises(
        ValueError, match=f"'{name}' parameter of {cls.__name__} must be"
    ) as e:
        model.fit(X, y)
    assert f"Got {value!r} instead" in str(e.value)
    assert learnt(model) == before


# settings that do not go together -> what is said
BAD_COMBINATIONS = [
    ({"activation": ["tanh", "tanh"]}, r"list of 1, one per hidden layer.*\(5,\)"),
    ({"activation": ["tanh"], "hidden_layer_sizes": ()}, "list of 0"),
    ({"activation": ["sigmoid"]}, "'sigmoid' is none of these"),
    ({"init": np.zeros(7)}, r"'init'.* array of shape \(\d+,\)"),
    ({"init": np.zeros((5, 3))}, r"'init'.* array of shape \(\d+,\)"),
]
BAD_FOR_CLASSIFIERS = [
    ({"loss": "log_loss", "output_activation": "tanh"}, "'output_activation'.*softmax"),
    (
        {"loss": "log_loss", "output_activation": ACTIVATIONS["tanh"]},
        "'output_activation'.*softmax",
    ),
    (
        {"loss": "squared_error", "target_values": (-2, 2)},
        r"target_values .*\(-2.0, 2.0\).* range",
    ),
    (
        {
            "loss": "squared_error",
            "target_values": (-1, 1),
            "output_activation": "logistic",
        },
        "target_values.*range",
    ),
    (
        {
            "loss": "squared_error",
            "target_values": (-1, 1),
            "output_activation": "relu",
        },
        "target_values.*range",
    ),
    ({"class_weight": {0: -1.0}}, "class_weight"),
]


@pytest.mark.parametrize(
    ("cls", "settings", "message"),
    [(cls, *case) for cls in BOTH for case in BAD_COMBINATIONS]
    + [(EffPropClassifier, *case) for case in BAD_FOR_CLASSIFIERS],
)
def test_settings_that_do_not_go_together_are_refused(cls, settings, message):
    X, y = problem(cls)
    model = cls(**SGD).fit(X, y)
    before = learnt(model)
    for call in ("fit", "partial_fit"):
        changed = clone(model).set_params(**settings)
        with pytest.raises(ValueError, match=message):
            getattr(changed, call)(X, y)
        assert not hasattr(changed, "theta_")
    with pytest.raises(ValueError, match=message):
        model.set_params(**settings).fit(X, y)
    assert learnt(model) == before


@both
def test_a_clip_after_a_rotation_is_refused_for_sparse_data(cls):
    X, y = problem(cls)
    for normalize in ("decorrelate", "whiten"):
        model = cls(**SGD, normalize=normalize, input_clip=3.0).fit(X, y)
        assert_refused(
            model,
            lambda m: m.fit(sparse.csr_array(X), y),
            rf"input_clip=3.0 cannot follow normalize='{normalize}'.*dense X",
        )


@both
@pytest.mark.parametrize(
    "change",
    [
        {"hidden_layer_sizes": (6,)},
        {"hidden_layer_sizes": (5, 5)},
        {"activation": "relu"},
        {"twist": 0.1},
        {"output_activation": "identity"},
    ],
    ids=str,
)
def test_a_changed_network_cannot_go_on_from_old_weights(cls, change):
    if cls is EffPropRegressor and "output_activation" in change:
        change = {"output_activation": "tanh"}
    X, y = problem(cls)
    model = cls(**SGD, warm_start=True).fit(X, y)
    model.set_params(**change)
    message = r"(network|output_activation) was .* and would become.*warm_start=False"
    assert_refused(model, lambda m: m.fit(X, y), message)
    assert_refused(model, lambda m: m.partial_fit(X, y), message)
    assert model.set_params(warm_start=False).fit(X, y).n_iter_ == 2


@pytest.mark.parametrize(
    "change",
    [
        {"loss": "squared_error"}, {"target_values": (-0.5, 0.5)},
        {"normalize": "whiten"}, {"input_clip": 2.0},
    ],
)  # fmt: skip
def test_another_coding_of_data_cannot_go_on_from_old_weights(change):
    X, y = problem(EffPropClassifier)
    model = EffPropClassifier(**SGD, warm_start=True).fit(X, y).set_params(**change)
    (name,) = change
    assert_refused(model, lambda m: m.fit(X, y), f"{name} was .*would become")
    assert_refused(model, lambda m: m.partial_fit(X, y), f"{name} was .*would become")


@pytest.mark.parametrize("change", ["fewer", "other", "multilabel"])
def test_a_warm_fit_wants_the_same_classes(change):
    X, y = problem(EffPropClassifier)
    others = {"fewer": np.minimum(y, 1), "other": y + 1, "multilabel": np.eye(3)[y]}
    model = EffPropClassifier(**SGD, warm_start=True).fit(X, y)
    message = r"warm_start can only be used .* same classes .* got \[0 1 2\]"
    if change == "multilabel":
        # as many labels as there were classes
        message = "does not fit the classes of the first call"
    assert_refused(model, lambda m: m.fit(X, others[change]), message)


def test_the_classes_of_a_stream_are_named_once_and_for_all():
    X, y = problem(EffPropClassifier)
    model = EffPropClassifier(**SGD).partial_fit(X, y, classes=[0, 1, 2])
    model.partial_fit(X[:5], y[:5], classes=[2, 1, 0])
    message = r"classes must stay .*\[0, 1, 2\], got \[1, 2\]"
    assert_refused(model, lambda m: m.partial_fit(X, y, classes=[1, 2]), message)


@both
def test_two_examples_are_not_split(cls):
    X, y = problem(cls)
    rows = np.flatnonzero(y == y[0])[:2] if cls is EffPropClassifier else [0, 1]
    with pytest.raises(ValueError, match=r"validation set is too small.*n_samples=2"):
        cls(**SGD, early_stopping=True).fit(X[rows], y[rows])


@both
def test_weights_of_another_shape_are_not_taken(cls):
    X, y = problem(cls)
    model = cls(**SGD).fit(X, y)
    with pytest.raises(ValueError, match=r"coefs_ must have the shapes \["):
        model.coefs_ = model.coefs_[:1]
    with pytest.raises(ValueError, match=r"intercepts_ must have the shapes \["):
        model.intercepts_ = [b[:1, None] for b in model.intercepts_]


# ------------------------------------------------------------------ numbers without end


@both
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("activation", ["relu", "softplus", "lecun_tanh"])
@pytest.mark.parametrize("rate", [1e3, 1e30, 1e300])
def test_an_absurd_learning_rate_ends_with_finite_weights_and_a_warning(
    cls, solver, activation, rate
):
    X, y = problem(cls)
    settings = {**SGD, "solver": solver, "learning_rate": "constant", "max_iter": 20}
    calm = cls(**settings, activation=activation, learning_rate_init=1e-300).fit(X, y)
    model = cls(**settings, activation=activation, learning_rate_init=rate)
    with pytest.warns(ConvergenceWarning, match=r"diverged.*best weights.*'auto'"):
        model.fit(X, y)
    assert np.isfinite(model.theta_).all()
    # never worse than where training started
    assert model.loss_ <= calm.loss_
    assert np.isfinite(model.loss_and_gradient(X, y)[1]).all()
    assert np.isfinite(model.hidden_activations(X)).all()
    assert model.predict(X).shape == y.shape


@both
def test_a_rate_that_is_too_large_is_halved_until_training_works(cls):
    """Where errors can grow without end; saturated outputs may just stay there."""
    X, y = problem(cls)
    settings = {**SGD, "activation": "relu", "learning_rate": "constant"}
    calm = cls(**settings, learning_rate_init=1e-300).fit(X, y)
    model = cls(**{**settings, "max_iter": 60}, learning_rate_init=1e3)
    with pytest.warns(ConvergenceWarning, match="with the rate halved") as caught:
        model.fit(X, y)
    n = model.convergence_.n_recoveries
    assert f"halved {n} times" in str(caught[0].message)
    assert model.learning_rate_curve_[-1] == pytest.approx(1e3 / 2**n)
    assert model.loss_ < 0.95 * calm.loss_


@both
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("normalize", ["standardize", "whiten", None])
@pytest.mark.parametrize("rows", [slice(None), slice(1)], ids=["all_rows", "one_row"])
def test_inputs_near_the_largest_float_do_no_silent_harm(cls, solver, normalize, rows):
    """Either refused, or trained to a finite loss, or said to have diverged."""
    X, y = problem(cls)
    X[rows] *= 1e300
    model = cls(**{**SGD, "solver": solver}, normalize=normalize)
    output = "decision_function" if cls is EffPropClassifier else "predict"
    refusal = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            outputs = getattr(model.fit(X, y), output)(X)
        except ValueError as error:
            refusal = error
    if refusal is not None:
        # which is a ValueError, too, but tells a user nothing
        assert not isinstance(refusal, np.linalg.LinAlgError)
        return
    assert np.isfinite(model.theta_).all()
    if not any("diverged" in str(w.message) for w in caught):
        assert np.isfinite(model.loss_)
        assert np.isfinite(outputs).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"class_weight": {"a": 5.0}}, "class_weight names .*'a'.*not among"),
        ({"activation": Activation(9)}, "activation.*known kind"),
        ({"activation": Activation(TANH, slope=0.0)}, "activation.*slope > 0"),
        (
            {"output_activation": Activation(TANH, amplitude=-1.0)},
            "output_activation.*does not fall",
        ),
    ],
)
def test_what_would_be_silently_wrong_is_refused(settings, message):
    X, y = problem(EffPropClassifier)
    with pytest.raises(ValueError, match=message):
        EffPropClassifier(**{**SGD, **settings}).fit(X, y)


def test_text_is_no_target_of_a_regression():
    X, y = problem(EffPropRegressor)
    with pytest.raises(ValueError, match=r"numeric|convert|dtype"):
        EffPropRegressor(**SGD).fit(X, np.full(len(y), "tall"))


def test_a_stream_goes_on_learning_with_default_rates():
    """After more batches than max_iter, and with labels that have changed."""
    rng = np.random.default_rng(0)
    model = EffPropClassifier((5,), max_iter=20, random_state=0)
    for batch in range(120):
        X = rng.normal(size=(20, 2))
        y = (X[:, 0] > 0) ^ (batch >= 60)
        model.partial_fit(X, y, classes=[False, True])
    X = rng.normal(size=(200, 2))
    assert model.score(X, X[:, 0] <= 0) > 0.8


@pytest.mark.parametrize("rate", [50.0, 1e-12])
def test_training_that_learns_nothing_says_so(rate):
    """Saturated outputs bound the error, so it need not grow for a rate to be wrong."""
    X, y = load_digits(n_class=10, return_X_y=True)
    settings = {"learning_rate_init": rate, "learning_rate": "constant"}
    model = EffPropClassifier((10,), solver="sgd", random_state=0, **settings)
    with pytest.warns(ConvergenceWarning, match="stalled|diverged"):
        model.fit(X[:600], y[:600])
    assert np.isfinite(model.theta_).all()
