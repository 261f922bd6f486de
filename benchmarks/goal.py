"""Time until the mean squared error of the training data reaches a goal.

Networks with one hidden layer of sigmoids learn two functions from several random
starts: y = sin(pi x) at 41 points, and y = sin(10 x) / (10 x) at 20,000.  The time is
that of a whole fit of an untrained model.  The predictions then show whether the goal
was reached.  The contestants take turns at every start, in one process with one thread.
Imports and a first small fit are not timed.

All contestants have default settings, except for the sizes of the network, no L2
penalty, and no stopping rule but the goal and a time limit.  So a learning rate that
would fall until ``max_iter`` practically stays constant.  The stopping rules are:

* The estimators of this package have the hyperparameter ``goal``.  "lm, tanh" has the
  same hidden units as the other libraries, and "lm, batches" takes batches of 250.
* scikit-learn has no such rule.  The methods that it calls after each evaluation
  (lbfgs) or epoch (adam) are overridden to check the loss, which takes very little
  time.
* pyrenn has ``E_stop``.
* torch-levenberg-marquardt is called for single updates on all data and, as in its own
  example, for epochs with batches of 1,000.

A contestant that repeatedly exceeds the time limit gets no further starts.  Libraries
that are not installed are left out.
"""

import io
import logging
import platform
import signal
from contextlib import contextmanager, redirect_stdout, suppress
from importlib import import_module
from importlib.metadata import version
from math import inf
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple
from warnings import catch_warnings, simplefilter

import numpy as np
from sklearn.neural_network import MLPRegressor
from threadpoolctl import threadpool_limits

from sk_effprop import EffPropRegressor

SOLVERS = ("lm", "cg", "scg", "lbfgs", "sdlm", "sgd", "adam")
OURS = "sk_effprop lm"
MAX_ITER = 10**6
LEAD = 10.0


class Problem(NamedTuple):
    """A function to learn, with the goal and the limits.

    Attributes
    ----------
    title : str
    X, y : ndarray of shape (n_samples, 1) and (n_samples,)
    n_hidden : int
    goal : float
        Mean of the squared residuals.
    n_starts : int
    limit : float
        Seconds for one start.
    patience : int
        Number of starts that may exceed the limit before a contestant is left out.
    mark : float
        Target of the median seconds of this package's lm.
    """

    title: str
    X: Any
    y: Any
    n_hidden: int
    goal: float
    n_starts: int
    limit: float
    patience: int
    mark: float = inf

    def error(self, predict):
        """Mean of the squared residuals."""
        return np.mean((np.ravel(predict(self.X)) - self.y) ** 2)


def sine():
    """Sine at 41 points; five hidden units."""
    X = np.linspace(-1, 1, 41)[:, None]
    y = np.sin(np.pi * X[:, 0])
    return Problem("sin(pi x), 41 points, 1-5-1", X, y, 5, 2e-3, 30, 20.0, 3, 3e-3)


def sinc():
    """sin(10 x) / (10 x) at 20,000 points; twenty hidden units."""
    X = np.linspace(-1, 1, 20_000)[:, None]
    y = np.sinc(10 * X[:, 0] / np.pi)
    return Problem("sinc(10 x), 20,000 points, 1-20-1", X, y, 20, 1e-6, 5, 90.0, 1)


# ------------------------------------------------------------------------- contestants


def train_ours(problem, seed, **settings):
    """Train an EffPropRegressor; its objective is half the mean squared error."""
    model = EffPropRegressor(
        (problem.n_hidden,),
        alpha=0.0,
        normalize_target=False,
        goal=problem.goal / 2,
        tol=0.0,
        max_iter=MAX_ITER,
        max_fun=MAX_ITER,
        random_state=seed,
        **settings,
    )
    return model.fit(problem.X, problem.y).predict


class Reached(KeyboardInterrupt):
    """Raised to end a fit of scikit-learn."""


class RacingMLP(MLPRegressor):
    """MLPRegressor that stops as soon as the goal is reached."""

    def _loss_grad_lbfgs(self, *args, **settings):
        loss, gradient = super()._loss_grad_lbfgs(*args, **settings)
        if 2 * loss <= self.problem.goal:
            raise Reached
        return loss, gradient

    def _update_no_improvement_count(self, *args):
        super()._update_no_improvement_count(*args)
        # this loss is the mean of an epoch in which the weights moved
        near = 2 * self.loss_ <= 2 * self.problem.goal
        if near and self.problem.error(self.predict) <= self.problem.goal:
            raise Reached


def train_sklearn(problem, seed, **settings):
    """Train an MLPRegressor that stops at the goal."""
    model = RacingMLP(
        hidden_layer_sizes=(problem.n_hidden,),
        activation="tanh",
        alpha=0.0,
        tol=0.0,
        n_iter_no_change=np.inf,
        max_iter=MAX_ITER,
        max_fun=MAX_ITER,
        random_state=seed,
        **settings,
    )
    model.problem = problem
    with suppress(Reached):
        model.fit(problem.X, problem.y)
    return model.predict


def train_pyrenn(problem, seed):
    """Train a network with pyrenn.

    Its error is a sum over the examples.  It does not rescale data in [-1, 1].
    """
    pyrenn = import_module("pyrenn")
    np.random.seed(seed)  # noqa: NPY002
    net = pyrenn.CreateNN([1, problem.n_hidden, 1])
    stop = problem.goal * len(problem.y)
    with redirect_stdout(io.StringIO()):
        net = pyrenn.train_LM(problem.X.T, problem.y, net, k_max=MAX_ITER, E_stop=stop)
    return lambda X: pyrenn.NNOut(X.T, net)


def train_torch(problem, seed, *, batch_size=None, **settings):
    """Train with torch-levenberg-marquardt, on all data or on shuffled batches."""
    torch = import_module("torch")
    tlm = import_module("torch_levenberg_marquardt")
    torch.manual_seed(seed)
    X = torch.tensor(problem.X, dtype=torch.float32)
    y = torch.tensor(problem.y[:, None], dtype=torch.float32)
    n, h = len(y), problem.n_hidden
    net = torch.nn.Sequential(
        torch.nn.Linear(1, h), torch.nn.Tanh(), torch.nn.Linear(h, 1)
    )
    module = tlm.training.LevenbergMarquardtModule(net, **settings)
    loss, stop = inf, False
    while loss > problem.goal and not stop:
        if batch_size is None:
            _, loss, stop, _ = module.training_step(X, y)
            continue
        for rows in torch.randperm(n).split(batch_size):
            _, _, stop, _ = module.training_step(X[rows], y[rows])
        with torch.no_grad():
            loss = module.loss_fn(net(X), y)
    return lambda X: net(torch.tensor(X, dtype=torch.float32)).detach().numpy()


def contestants(problem):
    """Functions that train, by name; this package's lm comes first."""

    def with_settings(train, **settings):
        return lambda problem, seed: train(problem, seed, **settings)

    entries = {f"sk_effprop {s}": with_settings(train_ours, solver=s) for s in SOLVERS}
    entries[f"{OURS}, tanh"] = with_settings(train_ours, solver="lm", activation="tanh")
    for solver in ("lbfgs", "adam"):
        entries[f"scikit-learn {solver}"] = with_settings(train_sklearn, solver=solver)
    entries["pyrenn"] = train_pyrenn
    entries["torch-levenberg-marquardt"] = train_torch
    if len(problem.y) > 1000:
        entries[f"{OURS}, batches"] = with_settings(
            train_ours, solver="lm", batch_size=250
        )
        entries["torch-levenberg-marquardt, batches"] = with_settings(
            train_torch, batch_size=1000, solve_method="solve"
        )
    return entries


# --------------------------------------------------------------------------- the race


class OutOfTime(BaseException):
    """Time limit exceeded; no Exception, because some libraries catch those."""


@contextmanager
def time_limit(seconds):
    """Raise OutOfTime after some seconds, on systems that have SIGALRM."""

    def ring(*_):
        raise OutOfTime

    if not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def seconds_to_goal(train, problem, seed):
    """Return the seconds (inf if the goal was missed) and whether time ran out."""
    start = perf_counter()
    try:
        with time_limit(problem.limit):
            predict = train(problem, seed)
    except OutOfTime:
        return inf, True
    seconds = perf_counter() - start
    return (seconds if problem.error(predict) <= problem.goal else inf), False


def warm_up(entries):
    """Run a small fit of each contestant; return those that work."""
    ready = {}
    easy = sine()._replace(goal=0.4)
    for name, train in entries.items():
        try:
            seconds_to_goal(train, easy, seed=0)
        except ImportError as error:
            print(f"left out: {name}, because {error.name} is not installed")
        except ValueError as error:
            print(f"left out: {name}, {error}")
        else:
            ready[name] = train
    return ready


def race(problem, entries):
    """Return the seconds of every start, by name."""
    results = {name: [] for name in entries}
    out_of_time = dict.fromkeys(entries, 0)
    for seed in range(problem.n_starts):
        for name, train in entries.items():
            if out_of_time[name] < problem.patience:
                seconds, late = seconds_to_goal(train, problem, seed)
                results[name].append(seconds)
                out_of_time[name] += late
    return results


# ---------------------------------------------------------------------------- reports


def show_seconds(seconds):
    """Format seconds with three digits."""
    if seconds == inf:
        return "not reached"
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def report(problem, results):
    """Print a Markdown table, and which targets are met."""
    middle = {name: median(values) for name, values in results.items()}
    print(f"\n| {problem.title}: {problem.goal:g} | reached | median | best | ratio |")
    print("|---" * 5 + "|")
    for name, values in results.items():
        reached = f"{sum(v < inf for v in values)} of {len(values)}"
        ratio = middle[name] / middle[OURS]
        cells = [
            name,
            reached,
            show_seconds(middle[name]),
            show_seconds(min(values)),
            "-" if ratio == inf else f"{ratio:.1f}",
        ]
        print(f"| {' | '.join(cells)} |")
    peers = {n: m for n, m in middle.items() if not n.startswith("sk_effprop")}
    first = min(peers, key=peers.get)
    lead = peers[first] / middle[OURS]
    marks = {
        f"{OURS} reaches the goal from every start": max(results[OURS]) < inf,
        f"the fastest peer takes {LEAD:g} times as long ({first}: {lead:.1f})": lead
        >= LEAD,
    }
    if problem.mark < inf:
        limit = show_seconds(problem.mark)
        marks[f"it takes at most {limit}"] = middle[OURS] <= problem.mark
    verdicts = [f"{mark}: {'met' if met else 'missed'}" for mark, met in marks.items()]
    print("\nTargets:", "; ".join(verdicts), flush=True)


def versions():
    """Versions of all packages that take part."""
    found = [f"Python {platform.python_version()}"]
    packages = ("numpy", "scipy", "scikit-learn", "pyrenn", "torch")
    for package in (*packages, "torch-levenberg-marquardt"):
        with suppress(ImportError):
            found.append(f"{package} {version(package)}")
    return f"{', '.join(found)}, {platform.machine()}, one thread"


@contextmanager
def one_thread():
    """Use one thread, also in PyTorch if it is installed."""
    with suppress(ImportError):
        import_module("torch").set_num_threads(1)
    with threadpool_limits(1):
        yield


def main():
    """Print a table for each problem."""
    print(f"goal: {versions()}")
    print("Starts that missed the goal count as the slowest ones in the medians.")
    # torch-levenberg-marquardt logs every system that it cannot solve
    logging.getLogger("torch_levenberg_marquardt").setLevel(logging.ERROR)
    with one_thread(), catch_warnings():
        simplefilter("ignore")
        for problem in (sine(), sinc()):
            report(problem, race(problem, warm_up(contestants(problem))))
            starts = "start" if problem.patience == 1 else "starts"
            print(
                f"The time limit of a start was {problem.limit:g} s. A contestant "
                f"got no more starts after {problem.patience} {starts} over that limit."
            )
