"""The garment's photo as sewing panels: a front and a back of triangles, and the seams between them."""
