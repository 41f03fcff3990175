"""Loudness (ISO 532-1) and sharpness (DIN 45692), after Zwicker."""
