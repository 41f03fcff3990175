"""Loudness, tonality, roughness and fluctuation strength by the hearing model of ECMA-418-2."""
