"""Services on other frameworks that do the same work, and what runs each in a process of its own."""
