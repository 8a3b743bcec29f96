"""The old garment hidden, what lies behind it painted, the new garment laid over it, lit and blended."""
