"""A pytest plugin: the tests of scikit-learn's networks are given ours.

    pytest -c /dev/null -p tests.mlp_swap --pyargs sklearn.neural_network.tests.test_mlp

Loaded before that module is imported, it puts our estimators where the module will
import scikit-learn's from.
"""

import sklearn.neural_network

from sk_effprop import EffPropClassifier, EffPropRegressor

sklearn.neural_network.MLPClassifier = EffPropClassifier
sklearn.neural_network.MLPRegressor = EffPropRegressor
