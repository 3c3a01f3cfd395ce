"""The one-machine platform: a registry, a builder and a cluster, from real parts, on one Linux machine."""
