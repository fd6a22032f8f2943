"""Continue a saved plan after a failed apply: find the changes that are done, and write a plan file of the rest."""
