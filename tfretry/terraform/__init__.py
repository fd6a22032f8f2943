"""Terraform's command line and its binary."""
