"""The numerical core: pure functions over NumPy arrays.

Nothing in here knows scikit-learn, an estimator or a solver.  One flat vector
``theta`` holds all weights; :class:`~sk_effprop.core.network.Network` cuts it into
layers, and everything else is a function of ``theta`` and data.
"""
