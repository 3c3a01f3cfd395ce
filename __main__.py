"""Pulumi's entry point."""

from infra.entry import main

main()
