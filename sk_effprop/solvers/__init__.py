"""Solvers minimise a function of one flat vector; they know no estimator."""

from sk_effprop.solvers.batched_levenberg_marquardt import BatchedLevenbergMarquardt
from sk_effprop.solvers.conjugate_gradient import ConjugateGradient, exact_curvature
from sk_effprop.solvers.lbfgs import LBFGS
from sk_effprop.solvers.levenberg_marquardt import EvidenceRounds, LevenbergMarquardt
from sk_effprop.solvers.rounds import PassesOverParts, Rounds
from sk_effprop.solvers.stochastic import StochasticSolver

# Estimators ask for the kind of a solver before they build one.
STOCHASTIC = ("sgd", "sdlm", "adam")
BATCH = ("lbfgs", "lm", "cg", "scg")
SOLVERS = STOCHASTIC + BATCH

__all__ = [
    "BATCH",
    "LBFGS",
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
