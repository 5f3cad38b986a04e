"""Open data: what everybody may read of the register, as files and as pages. Off unless REGISTRY_PUBLIC is on."""
