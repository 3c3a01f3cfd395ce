"""What things cost: each figure against a named floor or peer of the same run."""
