"""Whether a picture is good enough to be delivered, and what another attempt would change."""
