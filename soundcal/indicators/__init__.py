"""Indicators: numbers from pascals."""
