"""Pages of reports to the Government."""
