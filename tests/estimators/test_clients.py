"""What users put around an estimator: one real use of each."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import (
    ColumnTransformer,
    TransformedTargetRegressor,
    make_column_selector,
)
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
    make_multilabel_classification,
)
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    StackingClassifier,
)
from sklearn.experimental import (
    enable_halving_search_cv,  # noqa: F401
    enable_iterative_imputer,  # noqa: F401
)
from sklearn.frozen import FrozenEstimator
from sklearn.impute import IterativeImputer
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, log_loss
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    TunedThresholdClassifierCV,
    cross_val_score,
    learning_curve,
    train_test_split,
)
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.semi_supervised import SelfTrainingClassifier

from sk_effprop import EffPropClassifier, EffPropRegressor

# a small network; lbfgs may use up its iterations on data that are long separated
SMALL = {"hidden_layer_sizes": (10,), "max_iter": 60, "random_state": 0}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def halves(load, **kwargs):
    """Training and test data."""
    X, y = load(return_X_y=True, **kwargs)
    stratify = None if y.dtype.kind == "f" else y
    return train_test_split(X, y, test_size=0.5, random_state=0, stratify=stratify)


def clouds(n=400, share=0.5, seed=0):
    """Two overlapping classes, one of which is as rare as ``share`` says."""
    rng = np.random.default_rng(seed)
    y = (rng.uniform(size=n) < share).astype(int)
    return rng.normal(size=(n, 3)) + 1.2 * y[:, None], y


# ------------------------------------------------------------- pipelines and searches


def test_a_pipeline_over_a_mixed_table():
    """Numbers as they are, categories one-hot: sparse or dense."""
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "income": rng.lognormal(10.0, 1.0, size=300),
            "age": rng.integers(18, 90, size=300),
            "city": pd.Categorical(rng.choice(["Suwon", "Busan", "Jeju"], size=300)),
            "pets": rng.choice(["cat", "dog"], size=300),
        }
    )
    bought = (frame["age"] > 50) ^ (frame["city"] == "Jeju")
    scores = {}
    for sparse_output in (True, False):
        one_hot = OneHotEncoder(sparse_output=sparse_output)
        columns = ColumnTransformer(
            [("category", one_hot, make_column_selector(dtype_exclude="number"))],
            remainder="passthrough",
            sparse_threshold=1.0 if sparse_output else 0.0,
        )
        model = make_pipeline(columns, EffPropClassifier(**SMALL))
        scores[sparse_output] = cross_val_score(model, frame, bought, cv=3)
    assert scores[False].mean() > 0.9
    np.testing.assert_allclose(scores[True], scores[False], atol=0.02)


def test_a_grid_search_over_tricks_in_two_processes():
    """Finds what the same search in one process finds."""
    X, _, y, _ = halves(load_wine)
    grid = {
        "normalize": ["standardize", None],
        "activation": ["lecun_tanh", "logistic"],
        "target_values": ["max_curvature", "asymptote"],
    }
    model = EffPropClassifier(**{**SMALL, "max_iter": 20})
    two, one = (
        GridSearchCV(model, grid, cv=3, n_jobs=n_jobs).fit(X, y) for n_jobs in (2, 1)
    )
    assert two.best_params_["normalize"] == "standardize"
    assert two.best_score_ > 0.93
    for key in ("mean_test_score", "rank_test_score"):
        np.testing.assert_array_equal(two.cv_results_[key], one.cv_results_[key])


def test_halving_with_epochs_as_the_resource():
    X, _, y, _ = halves(load_wine)
    search = HalvingGridSearchCV(
        EffPropClassifier(hidden_layer_sizes=(10,), solver="sgd", random_state=0),
        {"init": ["lecun_uniform", 5.0], "normalize": ["standardize", None]},
        resource="max_iter",
        max_resources=32,
        min_resources=4,
        factor=2,
        cv=3,
        random_state=0,
    ).fit(X, y)
    assert search.n_resources_[-1] > search.n_resources_[0] >= 4
    assert search.best_estimator_.max_iter == search.n_resources_[-1]
    assert search.best_params_["normalize"] == "standardize"
    assert search.best_score_ > 0.9


def test_a_learning_curve_by_partial_fit():
    """Exploiting incremental learning: more examples are no worse."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:600], y[:600]
    model = EffPropClassifier(hidden_layer_sizes=(20,), random_state=0)
    sizes, _, scores = learning_curve(
        model, X, y, cv=2, exploit_incremental_learning=True,
        train_sizes=[0.2, 0.5, 1.0], shuffle=True, random_state=0,
    )  # fmt: skip
    assert list(sizes) == [60, 150, 300]
    means = scores.mean(axis=1)
    assert means[0] < means[1] < means[2]
    # after a single pass, where chance is 0.1
    assert means[2] > 0.4


# ------------------------------------------------------------------ probabilities


def calibration_methods():
    """Temperature scaling came with scikit-learn 1.8."""
    rules = CalibratedClassifierCV._parameter_constraints["method"]
    names = ("sigmoid", "isotonic", "temperature")
    return [n for n in names if any(rule.is_satisfied_by(n) for rule in rules)]


@pytest.mark.parametrize("method", calibration_methods())
@pytest.mark.parametrize("n_classes", [10, 2])
def test_calibration_improves_probabilities_of_squared_error(n_classes, method):
    """By way of its decisions, which rank the classes as before."""
    if n_classes == 10:
        X, X_test, y, y_test = halves(load_digits)
    else:
        X, y = clouds(n=800)
        X_test, y_test = clouds(n=2000, seed=1)
    # without a penalty a network grows too sure of itself
    raw = EffPropClassifier(30, loss="squared_error", alpha=0.0, random_state=0)
    raw.fit(X[:200], y[:200])
    calibrated = CalibratedClassifierCV(FrozenEstimator(raw), method=method)
    calibrated.fit(X[200:], y[200:])
    p = calibrated.predict_proba(X_test)
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    p_raw = raw.predict_proba(X_test)
    indicator = y_test[:, None] == np.arange(n_classes)
    assert np.mean((p - indicator) ** 2) < np.mean((p_raw - indicator) ** 2)
    if method != "isotonic":  # whose zeros cost a lot
        assert log_loss(y_test, p) < log_loss(y_test, p_raw)


def test_decisions_of_log_loss_are_its_logits():
    """So that temperature scaling divides what it should."""
    for load in (load_iris, load_breast_cancer):
        X, X_test, y, _ = halves(load)
        model = EffPropClassifier(loss="log_loss", alpha=0.01, **SMALL).fit(X, y)
        decision = model.decision_function(X_test)
        if decision.ndim == 1:
            decision = np.column_stack([np.zeros_like(decision), decision])
        odds = np.exp(decision - decision.max(axis=1, keepdims=True))
        p = odds / odds.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(model.predict_proba(X_test), p, rtol=1e-9)


def test_a_tuned_threshold_serves_the_rare_class():
    X, y = clouds(share=0.1)
    X_test, y_test = clouds(share=0.1, seed=1)
    plain = EffPropClassifier(**SMALL).fit(X, y)
    tuned = TunedThresholdClassifierCV(
        EffPropClassifier(**SMALL), scoring="balanced_accuracy", cv=3, random_state=0
    ).fit(X, y)
    assert tuned.best_threshold_ < 0.5
    scores = [
        balanced_accuracy_score(y_test, model.predict(X_test))
        for model in (plain, tuned)
    ]
    assert scores[1] > scores[0] + 0.05


# ------------------------------------------------------------------------- ensembles


def test_stacking_on_top_of_other_models():
    X, X_test, y, y_test = halves(load_breast_cancer)
    stack = StackingClassifier(
        [
            ("network", EffPropClassifier(**SMALL)),
            ("linear", EffPropClassifier(loss="log_loss", **SMALL)),
        ],
        final_estimator=LogisticRegression(),
        cv=3,
    ).fit(X, y)
    # a column each, as there are two classes
    assert stack.transform(X_test).shape == (len(X_test), 2)
    np.testing.assert_array_equal(
        stack.transform(X_test)[:, 0],
        stack.named_estimators_["network"].predict_proba(X_test)[:, 1],
    )
    assert stack.score(X_test, y_test) > 0.95


def test_boosting_of_weak_networks():
    """By sample weights: a line alone cannot tell a ring from its middle."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    y = (np.hypot(*X.T) > 1.2).astype(int)
    weak = EffPropClassifier(hidden_layer_sizes=(2,), max_iter=15, random_state=0)
    boosted = AdaBoostClassifier(weak, n_estimators=20, random_state=0).fit(X, y)
    assert len(boosted.estimators_) > 5
    assert weak.fit(X, y).score(X, y) < 0.9
    assert boosted.score(X, y) > 0.95


def test_boosting_of_weak_regressions():
    X, X_test, y, y_test = halves(load_diabetes)
    weak = EffPropRegressor(**{**SMALL, "max_iter": 10})
    boosted = AdaBoostRegressor(weak, n_estimators=5, random_state=0).fit(X, y)
    assert boosted.score(X_test, y_test) > 0.4


def test_bagging_averages_probabilities():
    X, X_test, y, y_test = halves(load_wine)
    bag = BaggingClassifier(
        EffPropClassifier(**SMALL), n_estimators=5, max_features=8, random_state=0
    ).fit(X, y)
    members = zip(bag.estimators_, bag.estimators_features_, strict=True)
    p = np.mean([m.predict_proba(X_test[:, cols]) for m, cols in members], axis=0)
    np.testing.assert_allclose(bag.predict_proba(X_test), p)
    assert bag.score(X_test, y_test) > 0.93


# ------------------------------------------------------------------ several targets


def test_targets_may_be_transformed():
    """The logarithm of what grows by factors."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = np.exp(2.0 * X[:, 0] + X[:, 1] * X[:, 2])
    plain = EffPropRegressor(**SMALL)
    logarithmic = TransformedTargetRegressor(plain, func=np.log, inverse_func=np.exp)
    for model in (plain, logarithmic):
        model.fit(X[:150], y[:150])
    by_hand = EffPropRegressor(**SMALL).fit(X[:150], np.log(y[:150]))
    predicted = logarithmic.predict(X[150:])
    np.testing.assert_allclose(predicted, np.exp(by_hand.predict(X[150:])), rtol=1e-6)
    errors = [
        np.mean(np.abs(np.log(np.maximum(p, 1e-3)) - np.log(y[150:])))
        for p in (plain.predict(X[150:]), predicted)
    ]
    assert errors[1] < 0.5 * errors[0]


def test_one_network_for_each_output():
    X, y = load_diabetes(return_X_y=True)
    Y = np.column_stack([y, X[:, 0] * X[:, 2]])
    several = MultiOutputRegressor(EffPropRegressor(**SMALL)).fit(X, Y)
    for column, part in enumerate(several.estimators_):
        alone = EffPropRegressor(**SMALL).fit(X, Y[:, column])
        np.testing.assert_array_equal(part.theta_, alone.theta_)
    assert several.score(X, Y) > 0.5


def test_one_network_for_each_label_and_chains_of_them():
    X, Y = make_multilabel_classification(300, n_classes=3, random_state=0)
    linear = EffPropClassifier(**SMALL)
    several = MultiOutputClassifier(linear).fit(X[:200], Y[:200])
    chain = ClassifierChain(linear, order=[2, 0, 1]).fit(X[:200], Y[:200])
    for model in (several, chain):
        right = np.mean(model.predict(X[200:]) == Y[200:])
        # more than the commoner answer to every question
        assert right > np.mean(np.maximum(Y.mean(0), 1.0 - Y.mean(0))) + 0.05
    first, second = chain.estimators_[:2]
    assert (first.n_features_in_, second.n_features_in_) == (20, 21)
    # the first of the chain sees no other label
    np.testing.assert_array_equal(first.theta_, several.estimators_[2].theta_)


# --------------------------------------------------------- labels or values that lack


def test_self_training_makes_use_of_rows_without_labels():
    X, X_test, y, y_test = halves(load_digits)
    partial = np.where(np.arange(len(y)) < 100, y, -1)
    network = EffPropClassifier(
        hidden_layer_sizes=(30,), loss="log_loss", alpha=0.01, random_state=0
    )
    trained = SelfTrainingClassifier(network, threshold=0.9, max_iter=3)
    trained.fit(X, partial)
    added = trained.labeled_iter_ > 0
    assert added.sum() > 100
    assert np.mean(trained.transduction_[added] == y[added]) > 0.95
    alone = network.fit(X[:100], y[:100]).score(X_test, y_test)
    assert trained.score(X_test, y_test) > alone


def test_missing_values_are_imputed_by_a_network():
    """Better than by means, where columns determine each other in a curve."""
    rng = np.random.default_rng(0)
    u = rng.uniform(-2.0, 2.0, size=300)
    X = np.column_stack([u, u**2, np.sin(u)]) + 0.01 * rng.normal(size=(300, 3))
    holes = X.copy()
    missing = np.zeros(X.shape, dtype=bool)
    missing[np.arange(0, 300, 4), 1] = True
    holes[missing] = np.nan
    imputer = IterativeImputer(EffPropRegressor(**SMALL), max_iter=2, tol=1e3)
    filled = imputer.fit_transform(holes)
    error = np.sqrt(np.mean((filled - X)[missing] ** 2))
    assert error < 0.1 * np.std(X[:, 1])
    np.testing.assert_array_equal(filled[~missing], X[~missing])


# -------------------------------------------------------------------------- inspection


def test_permutation_importance_finds_the_column_that_matters():
    X, y = clouds()
    noise = np.random.default_rng(1).normal(size=X.shape)
    y = (X[:, 0] > 0.6).astype(int)
    X = np.column_stack([noise, X[:, 0]])
    model = EffPropClassifier(**SMALL).fit(X, y)
    importance = permutation_importance(model, X, y, n_repeats=3, random_state=0)
    assert np.argmax(importance.importances_mean) == 3
    assert importance.importances_mean[3] > 0.3
    assert np.abs(importance.importances_mean[:3]).max() < 0.05


def test_partial_dependence_is_the_curve_that_was_learnt():
    rng = np.random.default_rng(0)
    X = rng.uniform(-2.0, 2.0, size=(300, 3))
    y = np.sin(2.0 * X[:, 1]) + 0.5 * X[:, 2]
    model = EffPropRegressor(**{**SMALL, "max_iter": 150}).fit(X, y)
    result = partial_dependence(model, X, [1], grid_resolution=20)
    (grid,) = result["grid_values"]
    curve = result["average"][0]
    wanted = np.sin(2.0 * grid) + np.mean(0.5 * X[:, 2])
    np.testing.assert_allclose(curve, wanted, atol=0.15)
