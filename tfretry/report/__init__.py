"""What we say, to people, CI systems and machines."""
