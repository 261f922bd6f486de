"""Input gains: a learnable factor for every input (sections 4.3 and 4.7).

The first layer is written as ``W = diag(s) V``, and descent takes place in (s, V).  The
objective is the same function of W as without gains; only the path to its minimum
differs.  An input without use loses all its weights together, and a useful one gains on
all others at once.  Scaling the inputs by their importance would have the same effect
if the importance were known.
"""

from dataclasses import dataclass

import numpy as np

from sk_effprop.core.arrays import Array

# A gain acts on all weights of its input, and so moves by this share of their rate.
GAIN_SHARE = 0.05
# Gains stay in [0, HIGHEST_GAIN]: an input is neither inverted nor grows without bound.
HIGHEST_GAIN = 5.0


@dataclass(eq=False)
class Gains:
    """s and V of a first layer W; both change in place.

    Attributes
    ----------
    s : ndarray of shape (n_in,)
    V : ndarray of shape (n_in + 1, n_out)
        Its last row holds the biases, which have no gain.
    """

    s: Array
    V: Array

    @classmethod
    def start(cls, W: Array) -> "Gains":
        """Gains of 1 for these weights."""
        return cls(np.ones(len(W) - 1, dtype=W.dtype), W.copy())

    def write(self, W: Array) -> None:
        """Write diag(s) V into the first layer."""
        np.multiply(self.s[:, None], self.V[:-1], out=W[:-1])
        W[-1] = self.V[-1]

    def match(self, W: Array) -> bool:
        """True if these gains belong to W, which the user may have set."""
        if W.shape != self.V.shape or W.dtype != self.V.dtype:
            return False
        written = np.empty_like(W)
        self.write(written)
        return np.array_equal(written, W)

    def split_gradient(self, gradient: Array) -> Array:
        """Turn dE/dW into dE/dV in place; return dE/ds."""
        gradient_of_s = np.vecdot(self.V[:-1], gradient[:-1])
        gradient[:-1] *= self.s[:, None]
        return gradient_of_s

    def step(self, gradient_of_s: Array, rate: float) -> None:
        """Move s against dE/ds."""
        self.s -= rate * gradient_of_s
        np.clip(self.s, 0.0, HIGHEST_GAIN, out=self.s)


def gain_factor(factors: Array) -> float:
    """Relative learning rate of the gains, from the rate factors of the first layer."""
    n_in = len(factors) - 1
    return GAIN_SHARE * n_in * float(np.mean(factors[:-1]))
