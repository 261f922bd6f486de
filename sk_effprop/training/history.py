"""The curves of training, with an entry for each iteration."""

from collections.abc import Sequence


class History:
    """Curves that continue those of an earlier call.

    Parameters
    ----------
    n_iter : int
        Iterations of earlier calls that count as iterations of this model.
    loss_curve, rates, validation_losses, validation_scores : sequence of float
        Curves of earlier calls, which are copied.

    Attributes
    ----------
    loss_curve : list of float
        The objective, for stochastic solvers its mean over the updates of an epoch.
    rates : list of float
        Global learning rates; empty for solvers without any.
    validation_losses, validation_scores : list of float
        Empty without validation data.
    """

    def __init__(
        self,
        n_iter: int = 0,
        loss_curve: Sequence[float] = (),
        rates: Sequence[float] = (),
        validation_losses: Sequence[float] = (),
        validation_scores: Sequence[float] = (),
    ) -> None:
        self.loss_curve, self.rates = list(loss_curve), list(rates)
        self.validation_losses = list(validation_losses)
        self.validation_scores = list(validation_scores)
        self._n_iter_before, self._n_entries_before = n_iter, len(loss_curve)

    @property
    def n_now(self) -> int:
        """Iterations of this call."""
        return len(self.loss_curve) - self._n_entries_before

    @property
    def n_iter(self) -> int:
        """Number of iterations, including those of earlier calls that count."""
        return self._n_iter_before + self.n_now
