"""The sections of the report, each built from a study."""
