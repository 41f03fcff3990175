"""Prominent and audible tones (ECMA-418-1, ISO/PAS 20065, IEC 61400-11)."""
