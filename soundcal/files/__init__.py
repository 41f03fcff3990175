"""Files: audio, records, sessions, and how they are written and read."""
