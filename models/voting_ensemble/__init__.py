"""Score by the feature-enhanced voting ensemble (Yang & Xiao, 2024)."""
