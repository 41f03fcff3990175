"""A study: recordings collected, paired and compared."""
