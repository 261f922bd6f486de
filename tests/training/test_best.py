import numpy as np

from sk_effprop.training.best import BestWeights


def weights(number):
    return np.full(3, float(number))


def best_of(value=10.0, values=()):
    """Best weights, with a list of those that were evaluated; weight i is values[i]."""
    best, evaluated = BestWeights(weights(-1), value), []

    def evaluate(theta):
        evaluated.append(int(theta[0]))
        return values[evaluated[-1]]

    best.evaluate = evaluate
    return best, evaluated


def test_the_first_of_equals_is_kept_as_a_copy():
    best, _ = best_of()
    theta = weights(1)
    best.offer(theta, 4.0)
    theta += 1.0
    best.offer(theta, 4.0)
    np.testing.assert_array_equal(best.theta, 1.0)
    assert best.value == 4.0


def test_the_latest_weights_can_be_kept_whatever_their_value():
    best, evaluated = best_of(values=[50.0])
    best.keep(weights(0), None)
    np.testing.assert_array_equal(best.theta, 0.0)
    assert evaluated == []
    assert best.value == best.value == 50.0
    assert evaluated == [0]


def test_a_criterion_decides_in_place_of_the_value():
    best, _ = best_of()
    best.offer_by(2.0, weights(1), 90.0)
    best.offer_by(3.0, weights(2), 1.0)
    np.testing.assert_array_equal(best.theta, 1.0)
    assert best.value == 90.0


def test_falling_means_need_one_evaluation_at_the_end():
    best, evaluated = best_of(values=[8.5, 7.5, 6.5])
    for i, mean in enumerate([9.0, 8.0, 7.0]):
        best.offer_unseen(weights(i), mean)
    assert evaluated == []
    np.testing.assert_array_equal(best.theta, 2.0)
    assert best.value == 6.5
    assert evaluated == [2]


def test_a_leap_at_the_end_of_the_lowest_epoch_is_noticed():
    best, _ = best_of(values=[8.5, 7.5, 50.0])
    for i, mean in enumerate([9.0, 8.0, 7.0]):
        best.offer_unseen(weights(i), mean)
    np.testing.assert_array_equal(best.theta, 1.0)
    assert best.value == 7.5


def test_the_latest_epoch_is_forgotten_with_the_next_offer():
    """Its weights are not copied, and the solver changes them."""
    best, evaluated = best_of(values=[8.5, 1.0, 7.0])
    best.offer_unseen(weights(0), 9.0)
    best.offer_unseen(weights(1), 9.5)
    best.offer_unseen(weights(2), 9.2)
    np.testing.assert_array_equal(best.theta, 2.0)
    assert sorted(evaluated) == [0, 2]
