"""Roughness (Daniel & Weber) and fluctuation strength (Osses et al.)."""
