"""Tonality (Aures)."""
