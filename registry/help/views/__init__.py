"""Pages of help and of the setup checklist."""
