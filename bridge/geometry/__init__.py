"""Pure geometry: crops, maps, meshes. A leaf. Empty, so that each part imports alone."""
