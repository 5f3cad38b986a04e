"""State machine test of accounts: people who use every way in that they know of.

``knowledge.py``: what the people know. ``cast.py``: who is there at the beginning. ``world.py``: what rules have in
common. ``rules/``: what people do, by subject. ``invariants/``: what must hold after every step.
"""
