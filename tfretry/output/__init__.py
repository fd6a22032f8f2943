"""Terraform's output, read while it passes: error diagnostics and progress."""
