"""A model family as small as a family can be: one folder, and one line where a test adds it to FAMILIES."""
