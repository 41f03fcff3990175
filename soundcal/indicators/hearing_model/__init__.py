"""The Sottek hearing model, ECMA-418-2:2025."""
