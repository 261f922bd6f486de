"""Pieces of a C99 program: literals, tables, and the functions that it needs.

A program is written for one type of numbers.  Templates contain ``REAL`` for that
type, ``EXP``, ``SQRT``, ``LOG1P`` and ``TANH`` for functions, and numbers like
``1.0_``, which get the suffix of the type, because a double constant would turn the
arithmetic of a small processor into slow double precision.
"""

import re
from typing import Any

import numpy as np

from sk_effprop.core.arrays import Array

# Name in C, suffix of numbers and of functions of libm, by the NumPy type.
TYPES = {"float32": ("float", "f"), "float64": ("double", "")}
# Terms of the series of exp(r) for |r| <= log(2) / 2, and steps of Heron's method for
# square roots of numbers from 1 to 4, that the precision of a type needs.
TERMS = {"float32": 7, "float64": 13}
STEPS = {"float32": 3, "float64": 4}
# log(2) is the sum of these two.  The first has so few bits that its products with the
# exponents of the type are exact.
LOG_2 = {
    "float32": (0.693359375, -2.1219444005469058e-4),
    "float64": (6.9314718036912382e-01, 1.9082149292705877e-10),
}
NUMBERS_PER_LINE = 5

# Rounding errors of eight partial sums are as small as those of a BLAS.
LAYER = """\
static void layer(const REAL *x, int n_in, const REAL *w, const REAL *b, int n_out,
                  REAL *y)
{
    for (int j = 0; j < n_out; j++) {
        REAL s[8] = {0.0_};
        for (int i = 0; i < n_in; i++)
            s[i % 8] += x[i] * *w++;
        y[j] = ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]))
               + b[j];
    }
}
"""

# one factor for the integers of each unit
INTEGER_LAYER = """\
static void layer(const REAL *x, int n_in, const int16_t *w, const REAL *unit,
                  const REAL *b, int n_out, REAL *y)
{
    for (int j = 0; j < n_out; j++) {
        REAL sum = 0.0_;
        for (int i = 0; i < n_in; i++)
            sum += x[i] * (REAL)*w++;
        y[j] = sum * unit[j] + b[j];
    }
}
"""

OR_ZERO = """\
static REAL or_zero(REAL z)
{
    return z == z ? z : 0.0_;
}
"""

CLIP = """\
static REAL clip(REAL z, REAL c)
{
    /* the result is +-c from here on, and a square could overflow */
    const REAL far = c * 1073741824.0_;
    z = z > far ? far : z < -far ? -far : z;
    return z / SQRT(1.0_ + (z / c) * (z / c));
}
"""

RATIONAL_TANH = """\
static REAL rational_tanh(REAL u)
{
    REAL a = u < 0.0_ ? -u : u, d;
    if (a >= SATURATION)
        return u < 0.0_ ? -1.0_ : 1.0_;
    d = a * (0.125_ + a * (0.0078125_ + a * (1.0_ / 3072.0_)));
    for (int i = 0; i < 4; i++)
        d *= 2.0_ + d;
    d /= 2.0_ + d;
    return u < 0.0_ ? -d : d;
}
"""

RELU = """\
static REAL relu(REAL u)
{
    return u < 0.0_ ? 0.0_ : u;
}
"""

SOFTPLUS = """\
static REAL softplus(REAL u)
{
    return (u > 0.0_ ? u : 0.0_) + LOG1P(EXP(u < 0.0_ ? u : -u));
}
"""

SOFTMAX = """\
static void softmax(REAL *y, int n)
{
    REAL largest = y[0], sum = 0.0_;
    for (int i = 1; i < n; i++)
        largest = y[i] > largest ? y[i] : largest;
    for (int i = 0; i < n; i++)
        sum += y[i] = EXP(y[i] - largest);
    for (int i = 0; i < n; i++)
        y[i] /= sum;
}
"""

LOGISTIC = """\
static REAL logistic(REAL z)
{
    const REAL e = EXP(z < 0.0_ ? z : -z);
    return (z < 0.0_ ? e : 1.0_) / (1.0_ + e);
}
"""

# sk_effprop.core.targets.decode_probabilities
PROBABILITY = """\
static REAL squeezed(REAL beyond)
{
    if (!(beyond > 0.0_))
        return 0.0_;
ROUND    return beyond / (1.0_ + beyond);
}

static REAL probability(REAL output, REAL low, REAL high)
{
    const REAL p = (output - low) / (high - low), floor = FLOOR, top = 1.0_ - FLOOR;
    const REAL inside = p < floor ? floor : p > top ? top : p;
    return inside + floor * (squeezed(p - top) - squeezed(floor - p));
}
"""
# Single precision has fewer decimals than the result is rounded to.
ROUND = """\
    if (beyond < 1e9_)
        beyond = (REAL)(long long)(beyond * 1e8_ + 0.5_) / 1e8_;
"""

SHARES = """\
static void divide_by_sum(REAL *y, int n)
{
    REAL sum = 0.0_;
    for (int i = 0; i < n; i++)
        sum += y[i];
    for (int i = 0; i < n; i++)
        y[i] /= sum;
}
"""

MEAN = """\
static REAL mean(REAL logarithm)
{
    const REAL m = EXP(logarithm);
    return m < TINY ? TINY : m > HUGE ? HUGE : m;
}
"""

# Without libm: e^x = 2^k e^r
OWN_EXP = """\
static REAL exponential(REAL x)
{
    REAL r, e = 1.0_;
    int k;
    if (x != x)
        return x;
    x = x < SMALLEST ? SMALLEST : x > LARGEST ? LARGEST : x;
    k = (int)(x * 1.4426950408889634_ + (x < 0.0_ ? -0.5_ : 0.5_));
    r = (x - (REAL)k * LOG_2) - (REAL)k * LOG_2_REST;
    for (int n = TERMS; n > 0; n--)
        e = 1.0_ + e * r / (REAL)n;
    for (; k > 0; k--)
        e *= 2.0_;
    for (; k < 0; k++)
        e *= 0.5_;
    return e;
}
"""

# Without libm: of numbers that are not below 1
OWN_SQRT = """\
static REAL square_root(REAL v)
{
    REAL unit = 1.0_, s;
    for (; v > 4.0_; v *= 0.25_)
        unit *= 2.0_;
    s = (v + 2.0_) / 3.0_;
    for (int i = 0; i < STEPS; i++)
        s = 0.5_ * (s + v / s);
    return s * unit;
}
"""

OWN = {"EXP": ("exponential", OWN_EXP), "SQRT": ("square_root", OWN_SQRT)}
LIBM = {"EXP": "exp", "SQRT": "sqrt", "LOG1P": "log1p", "TANH": "tanh"}


class Program:
    """A C program in the making.

    Parameters
    ----------
    dtype : {"float32", "float64"}
        Type of all numbers.
    uses_libm : bool
        Whether functions come from the standard library; otherwise from templates.

    Attributes
    ----------
    functions, tables, body : list of str
        Function definitions, constants, and the statements of the main function.
    """

    def __init__(self, dtype: str, *, uses_libm: bool) -> None:
        self.dtype, self.uses_libm = dtype, uses_libm
        self.real, self.suffix = TYPES[dtype]
        self.functions: list[str] = []
        self.tables: list[str] = []
        self.body: list[str] = []

    def literal(self, value: Any) -> str:
        """Shortest constant that a compiler reads as this value."""
        with np.errstate(over="ignore"):
            number = np.dtype(self.dtype).type(value)
        if not np.isfinite(number):
            raise ValueError(
                f"dtype={self.dtype!r} cannot hold {float(value)}, a constant of the "
                "network. Use dtype='float64', or train on columns and targets of "
                "usual size."
            )
        return f"{number!s}{self.suffix}"

    def text(self, template: str, **constants: Any) -> str:
        """Fill in a template for the type of the program."""
        for name, value in constants.items():
            shown = value if isinstance(value, str | int) else self.literal(value)
            template = re.sub(rf"\b{name}\b", str(shown), template)
        for name in LIBM:
            if re.search(rf"\b{name}\(", template):
                template = re.sub(rf"\b{name}\(", f"{self._library(name)}(", template)
        template = re.sub(r"(?<=[\d.])_(?!\w)", self.suffix, template)
        return re.sub(r"\bREAL\b", self.real, template)

    def function(self, template: str, **constants: Any) -> None:
        """Define a function, unless it is defined already."""
        text = self.text(template, **constants)
        if text not in self.functions:
            self.functions.append(text)

    def table(self, name: str, values: Array, kind: str | None = None) -> str:
        """Define a table of constants; return its name."""
        show = self._literal_or_nan if kind is None else str
        shown = [show(value) for value in np.ravel(values)]
        lines = (
            ", ".join(shown[i : i + NUMBERS_PER_LINE])
            for i in range(0, len(shown), NUMBERS_PER_LINE)
        )
        rows = ",\n    ".join(lines)
        kind = kind or self.real
        self.tables.append(
            f"static const {kind} {name}[{len(shown)}] = {{\n    {rows}\n}};\n"
        )
        return name

    def _literal_or_nan(self, value: Any) -> str:
        return "NAN" if np.isnan(value) else self.literal(value)

    def add(self, template: str, **constants: Any) -> None:
        """Add a statement to the main function."""
        self.body.append(self.text(template, **constants))

    def _library(self, name: str) -> str:
        if self.uses_libm:
            return LIBM[name] + self.suffix
        own, template = OWN[name]
        limits = np.finfo(self.dtype)
        # the exponential of anything in between is finite and has all its bits
        margin = 1.0 - 2.0 * float(limits.eps)
        high, rest = LOG_2[self.dtype]
        self.function(
            template,
            TERMS=TERMS[self.dtype],
            STEPS=STEPS[self.dtype],
            SMALLEST=margin * float(np.log(np.float64(limits.tiny))),
            LARGEST=margin * float(np.log(np.float64(limits.max))),
            LOG_2=high,
            LOG_2_REST=rest,
        )
        return own
