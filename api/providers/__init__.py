"""Renderers outside of this system that cost money: one seam, and what keeps them within bounds."""
