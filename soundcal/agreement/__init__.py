"""Agreement of two methods of measurement, as data. Knows nothing of sound."""
