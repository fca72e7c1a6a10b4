"""The published copy: built, checked, swapped in whole, and asked."""
