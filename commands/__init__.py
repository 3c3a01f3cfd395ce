"""What people type: ``python -m commands <group> <verb>``."""
