"""Signal processing by the standards: frequency weightings, octave bands, detectors."""
