"""What changed in the register: noted by triggers, numbered in the order of commits, kept for 90 days."""
