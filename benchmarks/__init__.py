"""Measurements beside peers, in one run, printed as ratios. ``make bench`` runs all of them."""
