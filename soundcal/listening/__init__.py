"""Listening tests: participants answer on a page, and the calibrated soundcard plays."""
