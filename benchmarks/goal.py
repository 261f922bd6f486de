"""Race to a goal: seconds until the mean squared error of the training data is small.

Two functions are learned by nets with one hidden layer of sigmoids from several random
starts: y = sin(pi x) at 41 points, and y = sin(10 x) / (10 x) at 20,000.  The time is
that of a whole fit, from an untrained model to the end; whether the goal was reached is
then seen from the predictions.  The contestants take turns at every start, in one
process with one thread; imports and a first small fit are not counted.

Everyone has default settings, except for the net itself, no weight decay, and no rule
to stop but the goal and a limit of time, so that a learning rate meant to fall towards
``max_iter`` stays where it starts.  The estimators of this package take the goal as a
hyperparameter; "lm, tanh" has the hidden units of the peers.  scikit-learn has no such
rule: there, the methods that it calls with each evaluation (lbfgs) or epoch (adam) are
overridden to look at the loss, which costs next to nothing, and to stop.  pyrenn has
``E_stop``.  torch-levenberg-marquardt is asked for one step after the other on all the
data, and, as in its own example, for epochs of batches of 1,000.

Who runs out of time again and again gets no further starts.  Peers that are not
installed are left out.
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
    """A function to learn, and when to stop trying.

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
        Starts out of time after which a contestant gets no more.
    mark : float
        Median seconds that our lm may take.
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
        """The mean of the squared residuals."""
        return np.mean((np.ravel(predict(self.X)) - self.y) ** 2)


def sine():
    """41 points, five hidden units."""
    X = np.linspace(-1, 1, 41)[:, None]
    y = np.sin(np.pi * X[:, 0])
    return Problem("sin(pi x), 41 points, 1-5-1", X, y, 5, 2e-3, 30, 20.0, 3, 3e-3)


def sinc():
    """20,000 points, twenty hidden units."""
    X = np.linspace(-1, 1, 20_000)[:, None]
    y = np.sinc(10 * X[:, 0] / np.pi)
    return Problem("sinc(10 x), 20,000 points, 1-20-1", X, y, 20, 1e-6, 5, 90.0, 1)


# ------------------------------------------------------------------------- contestants


def train_ours(problem, seed, **settings):
    """The objective is half the mean squared error of the targets as they are."""
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
    """Ends a fit of scikit-learn's."""


class RacingMLP(MLPRegressor):
    """Looks at the loss where scikit-learn has just computed it."""

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
    """An MLPRegressor that stops at the goal."""
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
    """Its error is a sum; it leaves inputs and targets in [-1, 1] as they are."""
    pyrenn = import_module("pyrenn")
    np.random.seed(seed)  # noqa: NPY002
    net = pyrenn.CreateNN([1, problem.n_hidden, 1])
    stop = problem.goal * len(problem.y)
    with redirect_stdout(io.StringIO()):
        net = pyrenn.train_LM(problem.X.T, problem.y, net, k_max=MAX_ITER, E_stop=stop)
    return lambda X: pyrenn.NNOut(X.T, net)


def train_torch(problem, seed, *, batch_size=None, **settings):
    """Steps on all the data, or epochs of shuffled batches, until the loss is small."""
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
    """How to train, by name; our lm comes first."""

    def with_settings(train, **settings):
        return lambda problem, seed: train(problem, seed, **settings)

    entries = {f"sk_effprop {s}": with_settings(train_ours, solver=s) for s in SOLVERS}
    entries[f"{OURS}, tanh"] = with_settings(train_ours, solver="lm", activation="tanh")
    for solver in ("lbfgs", "adam"):
        entries[f"scikit-learn {solver}"] = with_settings(train_sklearn, solver=solver)
    entries["pyrenn"] = train_pyrenn
    entries["torch-levenberg-marquardt"] = train_torch
    if len(problem.y) > 1000:
        entries["torch-levenberg-marquardt, batches"] = with_settings(
            train_torch, batch_size=1000, solve_method="solve"
        )
    return entries


# --------------------------------------------------------------------------- the race


class OutOfTime(BaseException):
    """Not an Exception, as peers catch those."""


@contextmanager
def time_limit(seconds):
    """Raise OutOfTime in the code that runs, unless the system has no alarm clock."""

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
    """Seconds, inf if the goal was not reached; and whether time was out."""
    start = perf_counter()
    try:
        with time_limit(problem.limit):
            predict = train(problem, seed)
    except OutOfTime:
        return inf, True
    seconds = perf_counter() - start
    return (seconds if problem.error(predict) <= problem.goal else inf), False


def warm_up(entries):
    """Those contestants that are installed and willing, after a first small fit."""
    ready = {}
    easy = sine()._replace(goal=0.4)
    for name, train in entries.items():
        try:
            seconds_to_goal(train, easy, seed=0)
        except ImportError as error:
            print(f"left out: {name}, as {error.name} is not installed")
        except ValueError as error:
            print(f"left out: {name}, {error}")
        else:
            ready[name] = train
    return ready


def race(problem, entries):
    """Seconds of every start, by name."""
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
    """In three digits."""
    if seconds == inf:
        return "not reached"
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def report(problem, results):
    """Print a table in markdown, and whether it meets the marks."""
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
        f"and leads every peer by {LEAD:g} ({first}: {lead:.1f})": lead >= LEAD,
    }
    if problem.mark < inf:
        limit = show_seconds(problem.mark)
        marks[f"in {limit} at most"] = middle[OURS] <= problem.mark
    verdicts = [f"{mark}: {'met' if met else 'missed'}" for mark, met in marks.items()]
    print("\nMarks:", "; ".join(verdicts), flush=True)


def versions():
    """Of what takes part."""
    found = [f"Python {platform.python_version()}"]
    packages = ("numpy", "scipy", "scikit-learn", "pyrenn", "torch")
    for package in (*packages, "torch-levenberg-marquardt"):
        with suppress(ImportError):
            found.append(f"{package} {version(package)}")
    return f"{', '.join(found)}, {platform.machine()}, one thread"


@contextmanager
def one_thread():
    """Also for torch, if it is there."""
    with suppress(ImportError):
        import_module("torch").set_num_threads(1)
    with threadpool_limits(1):
        yield


def main():
    """Print a table for each problem."""
    print(f"goal: {versions()}")
    print("Medians count starts that did not reach the goal as slower than any other.")
    # torch-levenberg-marquardt logs every system that it cannot solve
    logging.getLogger("torch_levenberg_marquardt").setLevel(logging.ERROR)
    with one_thread(), catch_warnings():
        simplefilter("ignore")
        for problem in (sine(), sinc()):
            report(problem, race(problem, warm_up(contestants(problem))))
            print(
                f"At most {problem.limit:g} s a start; after {problem.patience} out of "
                "time, no more of them."
            )
