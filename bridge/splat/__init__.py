"""A textured mesh drawn into a photo: as triangles, or as Gaussians on them."""
