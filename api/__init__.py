"""The ways in for people and programs that don't speak KServe: REST and the command line."""
