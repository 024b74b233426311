"""Achievements: milestones of a person or a team, counted in the database."""
