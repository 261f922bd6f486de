"""Paired comparison of scores."""

import numpy as np
import pytest
from scipy import stats

from sk_effprop.model_selection._scoring import paired_difference


def test_the_test_is_students_if_training_sets_do_not_overlap():
    """No test rows, no overlap: the paired t-test of SciPy."""
    rng = np.random.default_rng(0)
    scores, reference = rng.normal(size=(2, 8))
    difference = paired_difference(scores, reference, [(10, 0)] * 8)
    expected = stats.ttest_rel(scores, reference)
    assert difference.p_value == pytest.approx(expected.pvalue)
    assert difference.mean / difference.error == pytest.approx(expected.statistic)


def test_overlap_widens_the_error():
    """Five folds: (1/5 + 1/4) in place of 1/5."""
    scores, reference = np.array([[0.9, 0.8, 0.7, 0.95, 0.9], [0.8, 0.8, 0.6, 0.8, 1]])
    plain = paired_difference(scores, reference, [(80, 0)] * 5)
    folds = paired_difference(scores, reference, [(80, 20)] * 5)
    assert folds.error == pytest.approx(plain.error * np.sqrt(0.45 / 0.2))
    assert folds.p_value > plain.p_value


def test_equal_and_single_scores_have_an_answer():
    same = paired_difference(np.ones(3), np.ones(3), [(2, 1)] * 3)
    assert same == (0.0, 0.0, 1.0)
    shifted = paired_difference(np.ones(3), np.zeros(3), [(2, 1)] * 3)
    assert shifted.p_value == 0.0
    single = paired_difference(np.ones(1), np.zeros(1), [(2, 1)])
    assert single.mean == 1.0
    assert np.isnan(single.p_value)
