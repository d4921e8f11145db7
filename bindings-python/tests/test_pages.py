"""Every block of code in the documentation is run or compiled by some test, and those of Python, shells and Rust that a
reader pastes are run here. `bindings-node/test/pages.test.mjs` does the same with those of Node.js."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aks_kms
import pytest
from aks_kms._cli.arguments import parser
from pages import PAGES, ROOT, SIMULATOR, Block, Reader, World, blocks, worlds

BLOCKS = [block for page in PAGES for block in blocks(page)]
WORLDS = [world for page in PAGES for world in worlds(page)]
NODE = "".join(path.read_text() for path in (ROOT / "bindings-node" / "test").glob("*.mjs"))
PYTHON = (Path(__file__).parent / "test_examples.py").read_text()
RUST = (ROOT / "core" / "src" / "lib.rs").read_text(), (ROOT / "examples" / "rust" / "build.rs").read_text()
PEERS = "".join((ROOT / "tests" / "peers" / name).read_text() for name in ("page.py", "azure_cli.py"))


def is_pasted(block: Block) -> bool:
    """Whether it is run in a simulated world."""
    return any(block in world.blocks or block == world.begin for world in WORLDS)


def rust(block: Block) -> None:
    """A test of the documentation, or a part of an example."""
    assert f'"../../{block.page}"' in RUST[0] or block.page == "README.md" or block.page in RUST[1]


def python(block: Block) -> None:
    compile(block.text, str(block), "exec")
    assert is_pasted(block) or f'"{block.page}"' in PYTHON


def js(block: Block) -> None:
    assert is_pasted(block) or f'"{block.page}"' in NODE


def az(block: Block) -> None:
    """Commands that tests/peers runs as they stand there."""
    for line in block.text.splitlines():
        assert line in PEERS or line.replace('"', '\\"') in PEERS, line


def sh(block: Block) -> None:
    """What is not pasted in a simulated world is at least a command that there is, with options that there are."""
    subprocess.run(["bash", "-n", "-c", block.text], check=True)
    text = re.sub(r"<<'END'\n.*?\nEND\n", "\n", block.text.replace("\\\n", " "), flags=re.DOTALL)
    for line in re.findall(r"(?:^|\(|`)\s*aks-kms ([^|>)\n]*)", text, re.MULTILINE):
        words = shlex.split(line, comments=True)
        if "$@" not in words:
            parser().parse_args(words)


def yaml(block: Block) -> None:
    """Those of a pipeline are run by `test_pipelines.py`; the others are the same as a file, which Rust's tests apply."""
    if block.page == "docs/pipelines.md":
        return
    files = [path.read_text() for path in (ROOT / "examples" / "kubernetes").glob("*.yaml")]
    assert any(block.text in text for text in files)


RUNNERS: dict[str, Callable[[Block], Any]] = {
    "azurecli": az,
    "js": js,
    "json": lambda block: json.loads(block.text),
    "python": python,
    "rust": rust,
    "sh": sh,
    "toml": lambda block: tomllib.loads(block.text),
    "yaml": yaml,
}


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_each_block_is_run_or_compiled(block: Block) -> None:
    assert block.language in RUNNERS, "no test runs blocks of this language"
    RUNNERS[block.language](block)


def test_each_link_leads_somewhere() -> None:
    """To a file that is there, and to a heading that it has."""
    for page in PAGES:
        text = re.sub(r"```.*?```", "", (ROOT / page).read_text(), flags=re.DOTALL)
        for link in re.findall(r"\]\((?!https://(?!github\.com/aks-kms/))([^)\s]+)\)", text):
            path, _, anchor = link.partition("#")
            path = re.sub(r"https://github\.com/aks-kms/aks-kms(/(blob|tree)/main/)?", "/", path)
            if path in ("", "/") and anchor:
                target = ROOT / (page if path == "" else "README.md")
            elif path.startswith("/"):
                target = ROOT / path.lstrip("/")
            elif re.fullmatch(r"[\w:]+", path):
                # an item of the crate, which rustdoc looks at
                continue
            else:
                target = (ROOT / page).parent / path
            assert target.exists(), f"{page}: {link}"
            if anchor:
                assert anchor in anchors(target), f"{page}: {link}"


def anchors(page: Path) -> set[str]:
    """What links can name in a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture(params=WORLDS, ids=str)
def world(request: pytest.FixtureRequest) -> World:
    found: World = request.param
    return found


def look(reader: Reader, before: str) -> None:
    """Every secret of the cluster is encrypted and can be read, where something was done."""
    truth = reader.case.secrets()
    assert truth["unreadable"] == 0, before
    assert truth["plaintext"] == 0, before
    assert truth["total"] > 9, before


def test_what_is_pasted_into_a_shell(world: World, tmp_path: Path) -> None:
    with Reader(world, tmp_path) as reader:
        look(reader, reader.runs("".join(world.of("sh"))))


def test_what_is_pasted_into_python(world: World, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("".join(world.of("python")))
    with Reader(world, tmp_path) as reader:
        look(reader, reader.runs_program(sys.executable, "program.py"))


def test_what_is_pasted_into_rust(world: World, tmp_path: Path) -> None:
    with Reader(world, tmp_path) as reader:
        look(reader, reader.runs_program(os.environ["AKS_KMS_PASTED"], str(world)))


def test_a_world_is_started_as_the_simulator_says() -> None:
    assert SIMULATOR in (ROOT / "tests" / "simulator" / "README.md").read_text()
    assert len(WORLDS) > 1


def test_every_code_and_every_rule_that_refuses_has_its_trouble_shot() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    headings = re.findall(r"^### `(\w+)`$", page, re.MULTILINE)
    codes = re.findall(r"^## `(\w+)`$", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE)
    assert headings == codes
    linked = set(re.findall(r"docs/rules\.md#([\w-]+)\)", page))
    blocking = {str(rule.id) for rule in aks_kms.rules() if rule.level == "block"}
    assert blocking - linked == set()
