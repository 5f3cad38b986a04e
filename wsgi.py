"""What a WSGI server loads: ``waitress-serve wsgi:application``."""

from registry.app import create_app

application = create_app()
