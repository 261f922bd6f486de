"""Several columns of classes at once: one network, a softmax for each column."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.export import to_sklearn
from sk_effprop.solvers import SOLVERS, STOCHASTIC

X, species = load_iris(return_X_y=True)
Y = np.column_stack(
    [
        np.array(["setosa", "versicolor", "virginica"])[species],
        np.where(X[:, 0] > 5.8, "tall", "short"),
        np.array(["a", "b", "c", "d"])[np.digitize(X[:, 1], [2.5, 3.0, 3.5])],
    ]
)
SMALL = {"hidden_layer_sizes": (8,), "random_state": 0}
LOSSES = pytest.mark.parametrize("loss", ["log_loss", "squared_error"])


def fitted(y=Y, **given):
    return EffPropClassifier(**SMALL | given).fit(X, y)


@LOSSES
@pytest.mark.parametrize("solver", SOLVERS)
# 200 epochs are too few for adam
@pytest.mark.filterwarnings(
    "ignore:Maximum number:sklearn.exceptions.ConvergenceWarning"
)
def test_every_solver_learns_all_columns(solver, loss):
    more = {"learning_rate_init": 0.02} if solver == "adam" else {}
    est = fitted(solver=solver, loss=loss, **more)
    assert (est.predict(X) == Y).mean() > 0.9
    assert est.n_outputs_ == 3 + 1 + 4
    gradient = est.loss_and_gradient(X, Y)[1]
    assert gradient.shape == est.theta_.shape


@LOSSES
def test_formats_are_those_of_a_tree(loss):
    est, tree = fitted(loss=loss), DecisionTreeClassifier().fit(X, Y)
    assert isinstance(est.classes_, list)
    for ours, theirs in zip(est.classes_, tree.classes_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert est.predict(X).shape == tree.predict(X).shape == Y.shape
    for ours, theirs in zip(est.predict_proba(X), tree.predict_proba(X), strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours.sum(axis=1), 1.0)
    for p, log_p in zip(est.predict_proba(X), est.predict_log_proba(X), strict=True):
        np.testing.assert_array_equal(np.log(p), log_p)


@LOSSES
def test_predictions_decisions_and_probabilities_agree(loss):
    est = fitted(loss=loss)
    predicted = est.predict(X)
    for k, (p, d) in enumerate(
        zip(est.predict_proba(X), est.decision_function(X), strict=True)
    ):
        np.testing.assert_array_equal(
            predicted[:, k], est.classes_[k][np.argmax(p, axis=1)]
        )
        largest = np.argmax(d, axis=1) if d.ndim == 2 else (d > 0).astype(int)
        np.testing.assert_array_equal(predicted[:, k], est.classes_[k][largest])


def test_the_loss_is_the_sum_over_the_columns():
    est = fitted(alpha=0.0, tol=0, max_iter=5)
    loss = est.loss_and_gradient(X, Y)[0]
    expected = 0.0
    for k, p in enumerate(est.predict_proba(X)):
        at = np.searchsorted(est.classes_[k], Y[:, k])
        expected -= np.log(p[np.arange(len(X)), at]).mean()
    assert loss == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_one_column_of_three_classes_and_copies_of_it():
    """Columns that are equal have the same gradient as one of them, times two."""
    given = {"tol": 0, "max_iter": 3, "alpha": 0.0, "solver": "sgd"}
    est = fitted(np.column_stack([Y[:, 0], Y[:, 0]]), **given)
    single = fitted(Y[:, 0], **given)
    W = est.network_.layers(est.theta_)
    theta = np.concatenate([W[0].ravel(), W[1][:, :3].ravel()])
    single.theta_ = theta
    np.testing.assert_allclose(
        single.predict_proba(X), est.predict_proba(X)[0], rtol=1e-9
    )


def test_the_score_counts_rows_that_are_right():
    est = fitted()
    is_right = (est.predict(X) == Y).all(axis=1)
    assert est.score(X, Y) == is_right.mean()
    weight = np.arange(150.0)
    assert est.score(X, Y, weight) == pytest.approx(
        np.average(is_right, weights=weight)
    )
    by_column = MultiOutputClassifier(DecisionTreeClassifier()).fit(X, Y)
    unknown = np.where(Y == "tall", "giant", Y)
    assert est.score(X, unknown) < 1.0
    assert by_column.score(X, unknown) < 1.0


def test_as_good_as_a_network_for_each_column():
    """On digits and their parity and size, on data that are held out."""
    images, digits = load_digits(return_X_y=True)
    targets = np.column_stack([digits, digits % 2 + 5, digits // 4])
    train, test, y, z = train_test_split(images, targets, random_state=0)
    joint = EffPropClassifier(random_state=0).fit(train, y)
    line = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    separate = MultiOutputClassifier(line).fit(train, y)
    assert joint.score(test, z) > max(0.95, separate.score(test, z))


# ------------------------------------------------------------------------- many formats


@pytest.mark.parametrize(
    "y",
    [
        np.column_stack([species, species // 2 + 7]),
        np.column_stack([species, species // 2 + 7]).astype(float),
        Y.astype(object),
        Y.tolist(),
        np.column_stack([species, np.zeros(150, dtype=int) + 4]),
    ],
    ids=["int", "float", "object", "list", "constant"],
)
def test_labels_of_all_types(y):
    est = fitted(y, max_iter=20, tol=0)
    assert est.predict(X).shape == np.shape(y)
    assert est.predict(X).dtype == np.asarray(y).dtype
    assert (est.predict(X) == np.asarray(y)).mean() > 0.8


def test_a_data_frame_of_targets():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(Y, columns=["species", "height", "width"])
    np.testing.assert_array_equal(fitted(table).predict(X), fitted(Y).predict(X))


def test_indicator_matrices_stay_what_they_were():
    labels = np.column_stack([species == 1, X[:, 0] > 5.8]).astype(int)
    est = fitted(labels)
    np.testing.assert_array_equal(est.classes_, [0, 1])
    assert est.predict_proba(X).shape == (150, 2)


# ----------------------------------------------------------------------------- training


@pytest.mark.parametrize("solver", ["auto", *STOCHASTIC])
def test_streams(solver):
    """The first batch looks like an indicator matrix, and lacks classes."""
    y = np.column_stack([species, (X[:, 0] > 5.8).astype(int)])
    classes = [np.arange(3), np.arange(2)]
    more = {"learning_rate_init": 0.02} if solver == "adam" else {}
    est = EffPropClassifier(**SMALL, solver=solver, **more)
    few = np.flatnonzero(species < 2)
    est.partial_fit(X[few], y[few], classes=classes)
    for rows in np.array_split(np.random.default_rng(0).permutation(150), 3) * 40:
        est.partial_fit(X[rows], y[rows])
    assert (est.predict(X) == y).mean() > 0.8
    with pytest.raises(ValueError, match="classes must stay the same"):
        est.partial_fit(X, y, classes=[np.arange(3), np.arange(3)])


def test_warm_starts_continue_bit_for_bit():
    given = {"max_iter": 4, "tol": 0, "solver": "sgd", "warm_start": True}
    est = fitted(**given)
    back = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(est.fit(X, Y).theta_, back.fit(X, Y).theta_)
    with pytest.raises(ValueError, match="Column 1 of y: warm_start can only be used"):
        est.fit(X, np.where(Y == "tall", "giant", Y))
    with pytest.raises(ValueError, match="y has 2 columns of labels"):
        est.fit(X, Y[:, 1:])


def test_early_stopping_keeps_the_only_example_of_a_class():
    y = Y.copy()
    y[7, 2] = "e"
    est = fitted(y, early_stopping=True)
    assert est.classes_[2].tolist() == ["a", "b", "c", "d", "e"]
    assert est.validation_scores_
    given = {"X_val": X[::2], "y_val": Y[::2]}
    assert EffPropClassifier(**SMALL).fit(X[1::2], Y[1::2], **given).validation_scores_


def test_weights_balance_each_column():
    est = fitted(class_weight="balanced")
    assert est.score(X, Y) > 0.9
    with pytest.raises(ValueError, match="class_weight must be 'balanced' or None"):
        fitted(class_weight={"tall": 2.0})


def test_weights_count_as_repeated_rows():
    weight = 1 + np.arange(150) % 3
    given = {"max_iter": 10, "tol": 0, "solver": "lbfgs"}
    weighted = EffPropClassifier(**SMALL, **given).fit(X, Y, sample_weight=weight)
    rows = np.repeat(np.arange(150), weight)
    repeated = EffPropClassifier(**SMALL, **given).fit(X[rows], Y[rows])
    np.testing.assert_array_equal(weighted.theta_, repeated.theta_)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_searches_and_cross_validation():
    assert cross_val_score(EffPropClassifier(**SMALL), X, Y, cv=3).shape == (3,)
    search = GridSearchCV(EffPropClassifier(**SMALL), {"alpha": [0.01, 0.1]}, cv=3)
    assert search.fit(X, Y).predict(X).shape == Y.shape


def test_several_networks():
    est = fitted(n_estimators=2)
    assert est.score(X, Y) > 0.9
    # probabilities of the columns side by side
    assert est.oof_prediction_.shape == (150, 3 + 2 + 4)


# ----------------------------------------------------------------------------- refusals


def test_labels_that_are_unknown_are_named_with_their_column():
    est = fitted()
    with pytest.raises(ValueError, match=r"Column 1 of y: y contains labels \['giant'"):
        est.loss_and_gradient(X, np.where(Y == "tall", "giant", Y))
    with pytest.raises(ValueError, match="classes must be a list with the classes"):
        EffPropClassifier(**SMALL).partial_fit(X, Y, classes=[["a"], ["b"]])


def test_columns_of_text_and_numbers_are_refused():
    mixed = np.column_stack([species.astype(object), Y[:, 0]])
    with pytest.raises(ValueError, match="mixes labels of the types int, str"):
        fitted(mixed)


def test_a_plain_mlp_has_no_such_model():
    with pytest.raises(ValueError, match="several columns of classes"):
        to_sklearn(fitted(input_clip=None))


def test_regressors_take_the_columns_as_numbers():
    y = np.column_stack([species, species // 2 + 7])
    assert EffPropRegressor(**SMALL).fit(X, y).predict(X).shape == (150, 2)
