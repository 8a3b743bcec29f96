"""Which expert puts a garment on a person."""
