"""Control pictures: what is known of the person in her new garment, drawn as ControlNets were taught to read it."""
