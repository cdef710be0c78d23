"""Questions to the live system: bounded, read-only, each with a closed list of outcomes."""
