"""Vanhoeven & Chen measured again."""
