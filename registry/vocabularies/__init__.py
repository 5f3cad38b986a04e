"""Closed vocabularies as resources: each code with its label in every language."""
