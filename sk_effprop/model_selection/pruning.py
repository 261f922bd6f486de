"""A callback that lets Optuna end trials that are not worth finishing."""

from typing import Any

import numpy as np


class OptunaPruning:
    """Callback that reports validation scores to Optuna and prunes bad trials.

    After every iteration, the latest validation score is reported to the trial. If the
    pruner of the study finds it hopeless, ``fit`` ends with ``optuna.TrialPruned``,
    which Optuna expects of an objective. Needs scikit-learn 1.9, which has callbacks,
    and Optuna.

    Parameters
    ----------
    trial : optuna.Trial
        The trial whose parameters the estimator has.
    interval : int, default=1
        Number of iterations between two reports.

    Notes
    -----
    The scores are those of ``early_stopping=True`` or of ``X_val``: negative losses for
    ``scoring="loss"``, otherwise scores of which larger ones are better. A study with
    ``direction="minimize"`` gets them with the opposite sign. Several fits of one
    trial, such as those of a cross-validation, would report for the same steps, of
    which Optuna keeps the first: use one split for the pruning.

    Examples
    --------
    The objective returns the score that the study should maximise::

        def objective(trial):
            alpha = trial.suggest_float("alpha", 1e-4, 1.0, log=True)
            network = EffPropClassifier(alpha=alpha, random_state=0)
            network.set_callbacks(OptunaPruning(trial))
            network.fit(X, y, X_val=X_val, y_val=y_val)
            return network.best_validation_score_

        study = optuna.create_study(direction="maximize")
        study.optimize(objective, n_trials=50)
    """

    def __init__(self, trial: Any, *, interval: int = 1) -> None:
        if interval != int(interval) or interval < 1:
            raise ValueError(f"interval must be an int of at least 1, got {interval}.")
        self.trial, self.interval = trial, int(interval)

    def setup(self, estimator: Any, context: Any) -> None:
        """Check that there will be scores to report."""
        try:
            import optuna  # noqa: F401
        except ImportError as error:
            raise ImportError(
                "OptunaPruning needs optuna, the extra 'optuna': "
                "pip install 'sk_effprop[optuna]'."
            ) from error

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing; there is nothing to clean up."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing; scores come at the end of an iteration."""

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> bool:
        """Report the score of an iteration; raise ``TrialPruned`` if that is too bad.

        Returns
        -------
        bool
            Always False: a trial that is not pruned goes on.
        """
        if context.task_name != "iteration" or fitted_estimator is None:
            return False
        step = fitted_estimator.n_iter_
        if step % self.interval == 0:
            self.trial.report(self._value(fitted_estimator), step)
            if self.trial.should_prune():
                from optuna import TrialPruned

                raise TrialPruned(f"Pruned after {step} iterations.")
        return False

    def _value(self, fitted_estimator: Any) -> float:
        scores = fitted_estimator.validation_scores_
        if not scores:
            raise ValueError(
                "OptunaPruning reports validation scores, but there are none. Pass "
                "X_val and y_val to fit, or set early_stopping=True."
            )
        # a study of several objectives cannot prune, which report() says
        minimizes = self.trial.study.direction.name == "MINIMIZE"
        return float(np.negative(scores[-1]) if minimizes else scores[-1])
