"""The objective on compiled loops, for callers that do not know engines yet."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from sk_effprop.core.arrays import Array
from sk_effprop.core.compiled.engine import NumbaEngine
from sk_effprop.core.gains import Gains
from sk_effprop.core.objective import Objective
from sk_effprop.core.rates import Flow, Rates
from sk_effprop.core.steps import Momentum, Update


@dataclass(frozen=True)
class CompiledObjective(Objective):
    """E on compiled loops; only where :attr:`Objective.is_compilable`."""

    engine: ClassVar[str] = "numba"

    def sample_losses(self, theta: Array, gradient: Array | None = None) -> Array:
        """Weighted loss of every example; their summed gradient is added in place."""
        return self._engine.sample_losses(theta, gradient)

    def show(
        self,
        theta: Array,
        order: Array,
        batch_size: int,
        rates: Rates,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        velocity: Array | None = None,
        curvature_decay: float = 0.0,
        flow: Flow | None = None,
        gains: Gains | None = None,
    ) -> Array:
        """Descend through the examples in this order."""
        memory = [] if velocity is None else [velocity]
        rule = Momentum(momentum, nesterov)
        update = Update(rule, rates, memory, curvature_decay, flow, gains)
        return self._engine.descend(theta, order, batch_size, update)

    @cached_property
    def _engine(self) -> NumbaEngine:
        return NumbaEngine(self)
