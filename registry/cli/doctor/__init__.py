"""``registry doctor``: checks of the installation, each with advice and a runbook."""
