"""Every block of the simulator's README that shows how to point clients at it, as it stands there."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shell import Shell

PEERS = Path(__file__).parent
README = PEERS.parent / "simulator" / "README.md"
# What cargo would build and run.
PROGRAMS = {
    "cargo run -p aks-kms-simulator --": os.environ["PEERS_SIMULATOR"],
    "cargo run --example manage --": os.environ["PEERS_MANAGE"],
    "cargo run --example connect": os.environ["PEERS_CONNECT"],
}


def blocks() -> list[tuple[str, str]]:
    """Language and text of each block that clients run, in order."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)
    return [(language, text) for language, text in found if language not in ("rust", "text")]


def with_programs(text: str) -> str:
    for command, program in PROGRAMS.items():
        text = text.replace(command, program)
    assert "cargo" not in text
    return text


class Reader:
    """Someone who pastes block after block."""

    def __init__(self, folder: Path):
        self.shell = Shell(folder)
        (self.shell.home / "node_modules").symlink_to(PEERS / "node" / "node_modules")
        self._simulators = []

    def paste(self, language: str, text: str) -> str:
        if language == "sh" and "--directory" in text:
            self.start(with_programs(text))
            return ""
        if language == "sh":
            return self.shell.run(with_programs(text))
        program = {"python": (sys.executable, "block.py"), "js": ("node", "block.mjs")}[language]
        (self.shell.home / program[1]).write_text(text)
        return self.shell.run(" ".join(program))

    def start(self, command: str):
        """Starts a simulator in another terminal, and waits for what it writes."""
        written = self.shell.home / re.search(r"--directory (\S+)", command)[1] / "env"
        running = subprocess.Popen(
            ["bash", "-c", f"exec {command}"], cwd=self.shell.home, stdout=subprocess.DEVNULL
        )
        self._simulators.append(running)
        deadline = time.monotonic() + 120
        while not written.exists():
            assert running.poll() is None and time.monotonic() < deadline, f"not started: {command}"
            time.sleep(0.05)

    def leave(self):
        for running in self._simulators:
            running.terminate()
            running.wait()


@pytest.fixture
def reader(tmp_path):
    reader = Reader(tmp_path)
    yield reader
    reader.leave()


def test_each_block_works_as_it_stands_there(reader):
    shown = [(text, reader.paste(language, text)) for language, text in blocks()]

    def output(part: str) -> str:
        """What the only block with this text printed."""
        (printed,) = [printed for text, printed in shown if part in text]
        return printed

    key_ids = re.compile(r"https://kv-\w+\.vault\.azure\.net/keys/etcd/\w{32}")
    name, enabled, key_id = output("KmsEnabled").splitlines()[-1].split()
    assert name.startswith("aks-") and enabled == "True" and key_ids.fullmatch(key_id)
    in_use, *versions = output("listPropertiesOfKeyVersions").splitlines()
    assert key_ids.fullmatch(in_use) and in_use != key_id
    assert len(versions) == 3, "two that it began with, one that the block for Python made"
    assert output("kubectl replace").count("replaced") == 10
    truth = output("/secrets\"\n")
    assert f'"{reader.shell.run("printf %s $NEW_KEY_ID")}":10' in truth and '"unreadable":0' in truth
    assert '"enabled": true' in output("example manage")
    assert output("example connect").startswith("KMS is on, with https://kv-")
    assert '"method":"PUT"' in output("/writes")
    assert output("AKSOperationPreempted").endswith("as was asked\n")
