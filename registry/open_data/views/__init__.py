"""Public pages and files of the open data."""
