"""Reports to people, CI systems and programs."""
