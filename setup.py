"""Puts into a wheel what lies beside the package in a checkout; all else is in setup.cfg."""

from pathlib import Path
from shutil import rmtree

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = (
    "config/calendar.toml",
    "config/freeze_policy.toml",
    "config/granian.env",
    "config/monitoring/*.*",
    "config/nginx.conf",
    "config/pgbouncer.ini",
    "config/service.env",
    "config/systemd/*.*",
    "docs/how-to/*.md",
    "docs/operations.md",
    "docs/reference/*.md",
    "docs/runbooks/*.md",
    "migrations/*.*",
    "migrations/versions/*.py",
    "scripts/nightly_audit",
    "wsgi.py",
)


class BuildWithShippedFiles(build_py):
    """``config/NAME`` becomes ``registry/config/NAME``, where registry.core.files finds it.

    setuptools' own ``package_dir`` does that too, but turns an editable install into an import hook without ``tests``.
    """

    def run(self) -> None:
        """Copy the package, then the files beside it. An editable install reads them where they are."""
        if self.editable_mode:
            super().run()
            return
        # What an earlier build left in build/ would get into the wheel.
        rmtree(Path(self.build_lib, "registry"), ignore_errors=True)
        super().run()
        for source, target in self._shipped().items():
            self.mkpath(str(Path(target).parent))
            self.copy_file(source, target)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Every file that ``run`` writes."""
        shipped = [] if self.editable_mode else list(self._shipped().values())
        return [*super().get_outputs(include_bytecode), *shipped]

    def get_source_files(self) -> list[str]:
        """Every file that ``run`` reads, for a source distribution."""
        return [*super().get_source_files(), *self._shipped()]

    def _shipped(self) -> dict[str, str]:
        sources = sorted(str(path) for pattern in SHIPPED for path in Path().glob(pattern))
        return {source: str(Path(self.build_lib, "registry", source)) for source in sources}


setup(cmdclass={"build_py": BuildWithShippedFiles})
