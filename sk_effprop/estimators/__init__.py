"""The scikit-learn estimators: hyperparameters in, fitted attributes out."""
