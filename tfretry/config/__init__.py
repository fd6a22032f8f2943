"""How the user says what is wanted: options, variables, file, defaults; and the help that tells so."""
