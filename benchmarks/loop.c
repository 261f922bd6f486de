/* Stochastic backpropagation for a net with one hidden layer, written out by hand.

   Squared error, hidden units 1.7159 tanh(2 z / 3), outputs likewise or linear.  The
   weights of both layers follow each other in theta: (n_in + 1, n_hidden), then
   (n_hidden + 1, n_out), each row by row with the biases in its last row.  Compile with
   -DREAL=double or -DREAL=float.  Inner loops run over neighbouring units. */

#include <stdint.h>
#include <tgmath.h>

#ifndef REAL
#define REAL double
#endif

static void affine(const REAL *restrict W, const REAL *restrict x, REAL *restrict z,
                   int64_t n_in, int64_t n_out)
{
    const REAL *restrict bias = W + n_in * n_out;
    for (int64_t j = 0; j < n_out; j++)
        z[j] = bias[j];
    for (int64_t i = 0; i < n_in; i++) {
        const REAL xi = x[i], *restrict row = W + i * n_out;
        for (int64_t j = 0; j < n_out; j++)
            z[j] += xi * row[j];
    }
}

static void squash(REAL *restrict z, REAL *restrict slope, int64_t n)
{
    const REAL amplitude = (REAL)1.7159, two_thirds = (REAL)(2.0 / 3.0);
    const REAL gain = amplitude * two_thirds;
    for (int64_t j = 0; j < n; j++) {
        const REAL s = tanh(two_thirds * z[j]);
        z[j] = amplitude * s;
        slope[j] = gain * (1 - s * s);
    }
}

static void step(REAL *restrict W, const REAL *restrict x, const REAL *restrict delta,
                 REAL rate, int64_t n_in, int64_t n_out)
{
    for (int64_t i = 0; i < n_in; i++) {
        const REAL move = rate * x[i];
        REAL *restrict row = W + i * n_out;
        for (int64_t j = 0; j < n_out; j++)
            row[j] -= move * delta[j];
    }
    REAL *restrict bias = W + n_in * n_out;
    for (int64_t j = 0; j < n_out; j++)
        bias[j] -= rate * delta[j];
}

/* Show the rows named by order, with a step after each; return the mean loss.
   scratch has room for 2 (n_hidden + n_out) + n_hidden numbers. */
REAL descend(REAL *restrict theta, const REAL *restrict inputs, int64_t stride,
             const REAL *restrict targets, const int64_t *restrict order, int64_t n,
             int64_t n_in, int64_t n_hidden, int64_t n_out, int tanh_outputs,
             REAL rate, REAL *restrict scratch)
{
    REAL *restrict W = theta, *restrict V = theta + (n_in + 1) * n_hidden;
    REAL *restrict hidden = scratch, *restrict hidden_slope = hidden + n_hidden;
    REAL *restrict below = hidden_slope + n_hidden;
    REAL *restrict output = below + n_hidden, *restrict delta = output + n_out;
    REAL loss = 0;
    for (int64_t t = 0; t < n; t++) {
        const REAL *restrict x = inputs + order[t] * stride;
        const REAL *restrict target = targets + order[t] * n_out;
        affine(W, x, hidden, n_in, n_hidden);
        squash(hidden, hidden_slope, n_hidden);
        affine(V, hidden, output, n_hidden, n_out);
        if (tanh_outputs)
            squash(output, delta, n_out);
        else
            for (int64_t k = 0; k < n_out; k++)
                delta[k] = 1;
        for (int64_t k = 0; k < n_out; k++) {
            const REAL error = output[k] - target[k];
            loss += error * error / 2;
            delta[k] *= error;
        }
        for (int64_t i = 0; i < n_hidden; i++) {
            const REAL *restrict row = V + i * n_out;
            REAL sum = 0;
            for (int64_t k = 0; k < n_out; k++)
                sum += row[k] * delta[k];
            below[i] = sum * hidden_slope[i];
        }
        step(V, hidden, delta, rate, n_hidden, n_out);
        step(W, x, below, rate, n_in, n_hidden);
    }
    return loss / n;
}
