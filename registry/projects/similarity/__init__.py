"""Likely duplicates: reduced words, fingerprints that find candidates, and the score of two records."""
