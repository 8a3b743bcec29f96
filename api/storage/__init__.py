"""Where things are kept: rows in a database, pictures as blobs."""
