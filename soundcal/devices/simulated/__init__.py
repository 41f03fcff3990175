"""The simulated lab: a device of known truth."""
