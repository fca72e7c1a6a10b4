"""Yang & Xiao (2024) measured again."""
