"""A shell that keeps its variables between commands, as a person's does."""

import os
import subprocess
from pathlib import Path

# What the machine's own settings would change about the clients.
UNWANTED = ("AZURE_", "KUBECONFIG", "NO_PROXY", "no_proxy", "PIP_", "PYTHON", "VIRTUAL_ENV")


class CommandFailed(AssertionError):
    """A command did not end with 0."""

    def __init__(self, command: str, code: int, output: str, errors: str):
        super().__init__(f"exit code {code} of\n{command}\n{output}\n{errors}")
        self.errors = errors


class Shell:
    """Runs commands in bash, in a home of its own."""

    def __init__(self, folder: Path, environment: Path | None = None):
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        self._state = folder / "variables"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(UNWANTED)}
        self._environment = {
            **kept,
            "HOME": str(self.home),
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            "AZURE_CORE_ONLY_SHOW_ERRORS": "true",
            "AZURE_CORE_NO_COLOR": "true",
        }
        if environment is not None:
            self.run(f". {environment}")

    def run(self, command: str) -> str:
        """What a command printed; it must end with 0, every part of a pipeline too."""
        # Variables that it sets are there for the next command.
        script = f"set -euo pipefail; set -a; [ ! -e '{self._state}' ] || . '{self._state}'\n{command}\nexport -p > '{self._state}'\n"
        done = subprocess.run(
            ["bash", "-c", script],
            env=self._environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if done.returncode != 0:
            raise CommandFailed(command, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def refused(self, command: str) -> str:
        """What a command said on standard error, which must end with another code than 0."""
        try:
            printed = self.run(command)
        except CommandFailed as failure:
            return failure.errors
        raise AssertionError(f"this went well although it must not:\n{command}\n{printed}")
