"""Whether a new plan is within the approved one. Pure."""
