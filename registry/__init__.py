"""A small client of OCI registries: is an image there, under which digest, how big."""
