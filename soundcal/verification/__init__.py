"""The library held against the numbers printed in the standards."""
