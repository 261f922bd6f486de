"""Coding of y as targets of the network, and decoding of its outputs.

A coding knows everything about the targets that training, prediction and export need:
the classes or the scale of y, the loss, and the activation of the output units.  It is
immutable and part of a fitted estimator, as ``coding_``::

    coding = ClassCoding.of(y, None, loss="squared_error", output="lecun_tanh")
    targets, labels = coding.code(y, np.float64)
    coding.decode(coding.decision(preactivations))    # labels like those of y
    coding.probabilities(outputs, preactivations)
"""

from typing import TypeAlias

from sk_effprop.estimators._class_coding import ClassCoding
from sk_effprop.estimators._joint_coding import JointCoding
from sk_effprop.estimators._value_coding import ValueCoding

Coding: TypeAlias = ClassCoding | JointCoding | ValueCoding

__all__ = ["ClassCoding", "Coding", "JointCoding", "ValueCoding"]
