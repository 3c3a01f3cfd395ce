"""What is wrong with a deployed stack: plain reads of its cluster and registry, and the rules that name the cause."""
