"""A parametric body in the pose and shape of the person in the photo."""
