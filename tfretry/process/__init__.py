"""One run of terraform as a process: its descriptors, bytes, signals and end."""
