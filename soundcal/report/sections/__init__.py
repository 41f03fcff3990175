"""Sections of the reports, each built from results."""
