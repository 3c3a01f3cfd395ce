"""Pulumi components, one concern a file: the only place that creates resources."""
