"""Solvers walk one flat vector downhill; they know no estimator and no other solver."""

from sk_effprop.solvers.conjugate_gradient import ConjugateGradient, exact_curvature
from sk_effprop.solvers.lbfgs import LBFGS
from sk_effprop.solvers.levenberg_marquardt import EvidenceRounds, LevenbergMarquardt
from sk_effprop.solvers.stochastic import StochasticSolver

# What an estimator needs to know of a solver before it builds one.
STOCHASTIC = ("sgd", "sdlm", "adam")
BATCH = ("lbfgs", "lm", "cg", "scg")
SOLVERS = STOCHASTIC + BATCH

__all__ = [
    "BATCH",
    "LBFGS",
    "SOLVERS",
    "STOCHASTIC",
    "ConjugateGradient",
    "EvidenceRounds",
    "LevenbergMarquardt",
    "StochasticSolver",
    "exact_curvature",
]
