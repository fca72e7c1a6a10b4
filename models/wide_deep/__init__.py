"""Score by Wide & Deep over a profile and a payment flow (Vanhoeven & Chen)."""
