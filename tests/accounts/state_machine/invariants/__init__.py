"""What must hold after every step, by subject."""
