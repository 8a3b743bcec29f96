"""How the project draws its own garments; :func:`bridge.garment.drawn.draw_garment` is the way in."""
