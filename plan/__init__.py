"""What a stack would hold, and what a change makes of it: no engine, cluster, registry or secret."""
