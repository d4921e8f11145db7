"""The blocks of code that the documentation has, and a reader who pastes them."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from programs import environment
from simulator import Case

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "README.md", *ROOT.glob("bindings-*/README.md"), *ROOT.glob("docs/*.md"))
)
# Whatever is linked to and from: pages, and the documentation of the source.
MARKDOWN = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", ".github/*.md", "bindings-*/*.md", "docs/*.md", "tests/*/*.md")
    for path in ROOT.glob(pattern)
)
SIMULATOR = "cargo run -p aks-kms-simulator --"


@dataclass(frozen=True)
class Block:
    """A block of code, with the page's chapter that it is in."""

    page: str
    line: int
    chapter: str
    language: str
    # what stands behind the language: "no_run" in "rust,no_run"
    marks: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line} ({self.language})"


@dataclass(frozen=True)
class World:
    """A simulated Azure that a page has its reader start, and the blocks that are pasted there."""

    page: str
    begin: Block
    blocks: tuple[Block, ...]

    @property
    def folder(self) -> str:
        """What the simulator writes into."""
        found = re.search(r"--directory (\S+)", self.begin.text)
        assert found, self.begin
        return found[1]

    def of(self, language: str) -> list[str]:
        """What is pasted in a language, in order."""
        return [block.text for block in self.blocks if block.language == language]

    def __str__(self) -> str:
        return f"{Path(self.page).stem}-{self.folder}"


def blocks(page: str) -> Iterator[Block]:
    """The blocks of a page."""
    chapter = ""
    opened: tuple[int, str] | None = None
    lines: list[str] = []
    for number, line in enumerate((ROOT / page).read_text().splitlines(), 1):
        if opened is not None and line.strip() == "```":
            language, _, marks = opened[1].partition(",")
            yield Block(page, opened[0], chapter, language, marks, "".join(f"{text}\n" for text in lines))
            opened, lines = None, []
        elif opened is not None:
            lines.append(line)
        elif line.startswith("```"):
            opened = (number, line.removeprefix("```"))
        elif line.startswith("## "):
            chapter = line.removeprefix("## ")
        else:
            # an indented block, or one between tildes, would be run by nobody
            assert not line.lstrip().startswith(("```", "~~~")), (
                f"{page}:{number}: a block begins at the margin"
            )
    assert opened is None, f"{page}:{opened}: this block has no end"


def worlds(page: str) -> list[World]:
    """Each simulator that a page starts, with what follows it. What is in the chapter Begin is pasted in each."""
    found = list(blocks(page))
    starts = [index for index, block in enumerate(found) if SIMULATOR in block.text]
    first = [block for block in found if block.chapter == "Begin" and SIMULATOR not in block.text]
    made = []
    for number, start in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else len(found)
        pasted = [block for block in found[start + 1 : end] if block.chapter != "Begin"]
        if number == 0:
            pasted = [*first, *pasted]
        else:
            variables, *rest = pasted
            assert variables.text.startswith(". "), f"{variables}: a simulator's variables come first"
            pasted = [variables, *(block for block in first if not is_variables(block)), *rest]
        made.append(World(page, found[start], tuple(pasted)))
    return made


def is_variables(block: Block) -> bool:
    """Whether it sets the variables of a simulator."""
    return block.text.startswith(". ")


class Reader:
    """Somebody with a folder, in which a simulator of a world is started."""

    def __init__(self, world: World, folder: Path) -> None:
        self.folder = folder
        command = world.begin.text.replace(SIMULATOR, f"exec {os.environ['AKS_KMS_SIMULATOR']}")
        assert "cargo" not in command
        self._log = (folder / "simulator.log").open("wb")
        self._running = subprocess.Popen(
            ["bash", "-euc", command], cwd=folder, stdout=subprocess.DEVNULL, stderr=self._log
        )
        self._env = folder / world.folder / "env"
        deadline = time.monotonic() + 60
        while not self._env.exists():
            if self._running.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the simulator did not start: {(folder / 'simulator.log').read_text()}")
            time.sleep(0.02)
        self.case = Case(json.loads((folder / world.folder / "case.json").read_text()))

    def runs(self, script: str, more: dict[str, str] | None = None) -> str:
        """What a script of bash prints; it must end with 0."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env={**environment(), "PATH": path, **(more or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert ran.returncode == 0, f"exit code {ran.returncode} of\n{script}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout

    def runs_program(self, *command: str) -> str:
        """What a program prints that goes by the simulator's variables; it must end with 0."""
        words = " ".join(f"'{word}'" for word in command)
        return self.runs(f". '{self._env}'\n{words}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.terminate()
        self._running.wait()
        self._log.close()
