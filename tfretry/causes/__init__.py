"""The known errors that are transient, and the decision whether all errors of a run are."""
