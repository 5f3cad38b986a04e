"""Help: the guides as pages, and the setup checklist of a new registry."""
