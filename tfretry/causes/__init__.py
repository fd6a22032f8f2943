"""Which errors heal by waiting."""
