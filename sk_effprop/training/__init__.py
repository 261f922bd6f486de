"""Monitoring of training: its history, the best weights, and when it stops."""
