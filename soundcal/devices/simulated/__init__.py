"""The simulated lab: a device whose true values are known."""
