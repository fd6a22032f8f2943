"""What terraform prints, read as it flows: error diagnostics and progress."""
