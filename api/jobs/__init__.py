"""Jobs: accepted once, executed by whoever lives, ended exactly once."""
