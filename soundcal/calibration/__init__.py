"""Calibration: the mathematics of converting digital samples into pascal."""
