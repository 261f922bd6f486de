"""A learnable gain for every input (sections 4.3 and 4.7).

The first layer is written as ``W = diag(s) V``, and descent goes on in (s, V).  The
objective is the same function of W as without gains; what differs is the way down.  An
input that is of no use loses its weights all together, a useful one gains on all others
at once, which is what scaling inputs by their importance would do if it were known.
"""

from dataclasses import dataclass

import numpy as np

from sk_effprop.core.arrays import Array

# A gain touches all weights of its input, and so moves by this share of their rate.
GAIN_SHARE = 0.05
# a gain is kept from turning its input around, and from running away
HIGHEST_GAIN = 5.0


@dataclass
class Gains:
    """s and V of a first layer W; both change in place.

    Attributes
    ----------
    s : ndarray of shape (n_in,)
    V : ndarray of shape (n_in + 1, n_out)
        With the biases, which have no gain, in its last row.
    """

    s: Array
    V: Array

    @classmethod
    def start(cls, W: Array) -> "Gains":
        """All gains 1."""
        return cls(np.ones(len(W) - 1, dtype=W.dtype), W.copy())

    def write(self, W: Array) -> None:
        """Set the first layer to what s and V make of it."""
        np.multiply(self.s[:, None], self.V[:-1], out=W[:-1])
        W[-1] = self.V[-1]

    def suit(self, W: Array) -> bool:
        """Whether they belong to these weights, which may have been set since."""
        if W.shape != self.V.shape or W.dtype != self.V.dtype:
            return False
        written = np.empty_like(W)
        self.write(written)
        return np.array_equal(written, W)

    def pull_back(self, gradient: Array) -> Array:
        """Turn dE/dW into dE/dV in place; return dE/ds."""
        pull = np.vecdot(self.V[:-1], gradient[:-1])
        gradient[:-1] *= self.s[:, None]
        return pull

    def step(self, pull: Array, rate: float) -> None:
        """Move the gains against dE/ds."""
        self.s -= rate * pull
        np.clip(self.s, 0.0, HIGHEST_GAIN, out=self.s)


def gain_factor(factors: Array) -> float:
    """Rate of the gains over the global one, given the factors of the first layer."""
    n_in = len(factors) - 1
    return GAIN_SHARE * n_in * float(np.mean(factors[:-1]))
