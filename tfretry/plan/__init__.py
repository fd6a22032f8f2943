"""A saved plan after a failed apply: what is done, and a plan file for exactly the rest."""
