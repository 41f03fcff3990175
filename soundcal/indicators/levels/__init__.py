"""Sound pressure levels (IEC 61672-1) and band levels (IEC 61260-1)."""
