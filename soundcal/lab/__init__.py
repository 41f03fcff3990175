"""The laboratory: procedures, protocols and whoever carries them out."""
