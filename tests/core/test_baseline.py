import numpy as np
import pytest
from scipy.optimize import minimize

from sk_effprop.core.baseline import constant_value
from sk_effprop.core.custom import CustomLoss
from tests.cases import ALL_ACTIVATIONS, LOSS_PARAMS, make_problem


@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
@pytest.mark.parametrize("loss", LOSS_PARAMS)
def test_no_constant_outputs_have_a_lower_loss(loss, weighted):
    """The best constants of a general minimiser are as good, to rounding."""
    objective, _ = make_problem(
        (), ALL_ACTIVATIONS["tanh"], loss, n=40, weighted=weighted
    )
    targets, weight = objective.targets, objective.sample_weight

    def value(constants):
        outputs = np.broadcast_to(constants, targets.shape)
        losses = objective.loss.value(outputs, targets)
        return np.average(losses, weights=weight)

    found = constant_value(objective)
    if isinstance(objective.loss, CustomLoss):
        assert found == pytest.approx(value(np.zeros(targets.shape[1])))
        return
    best = minimize(value, np.zeros(targets.shape[1]), method="Powell")
    assert found <= best.fun + 1e-5
    assert found >= best.fun - 1e-4
