"""The ``warp`` expert: one garment photo bent onto the body in 2.5D, part by part."""
