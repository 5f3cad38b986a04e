"""Search of the whole register, on top of the searches of the lists of projects, agencies, cases, letters, people."""
