"""The terraform that is meant: its command line, and the binary."""
