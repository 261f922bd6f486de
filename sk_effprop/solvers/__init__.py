"""Solvers minimise a function of one flat vector; they know no estimator."""

from sk_effprop.core.damping import Damping
from sk_effprop.core.state import Epoch, EpochState
from sk_effprop.solvers.batched_levenberg_marquardt import (
    BatchedLevenbergMarquardt,
    BatchState,
    RunningState,
)
from sk_effprop.solvers.conjugate_gradient import (
    ConjugateGradient,
    ConjugateState,
    exact_curvature,
)
from sk_effprop.solvers.lbfgs import LBFGS, Answers
from sk_effprop.solvers.levenberg_marquardt import (
    EvidenceRounds,
    EvidenceState,
    LevenbergMarquardt,
    RoundState,
    SampleState,
)
from sk_effprop.solvers.rounds import PassesOverParts, Rounds
from sk_effprop.solvers.stochastic import StochasticSolver

# Estimators ask for the kind of a solver before they build one.
STOCHASTIC = ("sgd", "sdlm", "adam")
BATCH = ("lbfgs", "lm", "cg", "scg")
SOLVERS = STOCHASTIC + BATCH
# Records that solvers leave when they pause or end.
PAUSED_STATES = (
    Answers, BatchState, ConjugateState, Damping, Epoch, EpochState, EvidenceState,
    RoundState, RunningState, SampleState,
)  # fmt: skip

__all__ = [
    "BATCH",
    "LBFGS",
    "PAUSED_STATES",
    "SOLVERS",
    "STOCHASTIC",
    "BatchedLevenbergMarquardt",
    "ConjugateGradient",
    "EvidenceRounds",
    "LevenbergMarquardt",
    "PassesOverParts",
    "Rounds",
    "StochasticSolver",
    "exact_curvature",
]
