"""One product photo to the garment: cut out, named, measured; and garments that the project draws itself."""
