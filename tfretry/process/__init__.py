"""One run of terraform as a process: its descriptors, output, signals and exit."""
