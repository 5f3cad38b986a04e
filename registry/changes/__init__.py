"""The change feed: what changed, in the order of commits, for systems that follow the register."""
