"""A saved plan is continued: its file, its documents, and the plan for the rest."""
