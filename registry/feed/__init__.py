"""The change feed: what each reader may see of the changes."""
