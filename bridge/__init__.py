"""Everything that is true of try-on, whoever serves it."""
