"""Calibration: the mathematics of turning digital samples into pascal."""
