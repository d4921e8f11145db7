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
from pages import MARKDOWN, PAGES, ROOT, SIMULATOR, Block, Reader, World, blocks, worlds

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
    """A test of the documentation, or a part of an example. What only compiles says so; `ignore` would not even do that."""
    assert block.marks in ("", "no_run")
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
    assert not block.marks or block.language == "rust", block.marks
    RUNNERS[block.language](block)


@pytest.mark.parametrize("page", sorted({world.page for world in WORLDS}))
def test_a_page_that_is_pasted_is_pasted_whole(page: str) -> None:
    """Only `az` is not: it has a test of its own."""
    for block in blocks(page):
        assert block.language == "azurecli" or is_pasted(block), block
        assert not block.marks, f"{block}: it would not be pasted into Rust"


# What Microsoft's page does, and a part of what does it in a shell, in Python, in Node.js and in Rust.
PROCEDURES = {
    "turn on with a public vault": [
        'enable "$KEY_ID"',
        "enable(made.key_id)",
        "enable(made.keyId)",
        "enable(made.key_id",
    ],
    "turn on with a private vault": [
        'enable "$PRIVATE_KEY_ID" --network-mode private',
        'enable(closed.key_id, network_mode="private"',
        "enable(closed.keyId,",
        "enable(closed.key_id",
    ],
    "rotate": ["rotate --yes", "rotate()", "rotate()", "rotate(None,"],
    "rotate with a private vault": [
        'rotate "$(jq',
        "rotate(following.key_id)",
        "rotate(following.keyId)",
        "rotate(&following.key_id",
    ],
    "turn off": ["disable --yes", "disable()", "disable()", "disable("],
    "from public to private": [
        "change-network-mode private",
        'change_network_mode("private")',
        'changeNetworkMode("private")',
        "change_network_mode(NetworkMode::Private",
    ],
    "from private to public": [
        "change-network-mode public",
        'change_network_mode("public")',
        'changeNetworkMode("public")',
        "change_network_mode(NetworkMode::Public",
    ],
    "from KMS v1 to v2": ["migrate-to-v2", "migrate_to_v2(", "migrateToV2(", "migrate_to_v2("],
    "rewrite all secrets": [
        "reencrypt --yes",
        "reencrypt_secrets()",
        "reencryptSecrets()",
        "reencrypt_secrets(ReencryptSecretsOptions::default())",
    ],
    "rewrite some namespaces": [
        "reencrypt --namespaces",
        "reencrypt_secrets(namespaces=",
        "reencryptSecrets({ namespaces:",
        "ReencryptOptions { namespaces,",
    ],
    "a platform-managed key": [
        "set-data-encryption --platform-managed",
        'set_data_encryption("platform-managed"',
        'setDataEncryption("platform-managed"',
        "set_data_encryption(KeySource::PlatformManaged",
    ],
    "a customer-managed key": [
        "set-data-encryption --key-id",
        "set_data_encryption(key,",
        "setDataEncryption(key,",
        "set_data_encryption(key,",
    ],
    "the state of a cluster": [
        "kms status --secrets",
        "status(secrets=True)",
        "status({ secrets: true })",
        ".status(",
    ],
    "the state of all clusters": ["aks-kms list", "list_clusters(", "listClusters(", "list_clusters("],
    "a vault, a key and access": ["kms provision", "provision()", "provision()", "provision("],
    "a new cluster": ["create-cluster", "create_cluster(", "createCluster(", "create_cluster("],
    "evidence": ["--report", "to_html()", "toHtml(", "to_html()"],
}


@pytest.mark.parametrize("procedure", PROCEDURES)
def test_each_procedure_is_pasted_in_each_language(procedure: str) -> None:
    page = "docs/procedures.md"
    for language, part in zip(("sh", "python", "js", "rust"), PROCEDURES[procedure], strict=True):
        pasted = "".join(text for world in WORLDS if world.page == page for text in world.of(language))
        assert part in pasted, f"{language}: {part}"


def test_each_link_leads_somewhere() -> None:
    """To a file that is there, and to a heading that it has; also the links in the source's documentation."""
    found = [(page, link) for page in MARKDOWN for link in links(ROOT / page)]
    assert len({page for page, _ in found}) > len(PAGES)
    for name in ("bindings", "bindings-node", "bindings-python", "core", "examples", "tests"):
        for file in (ROOT / name).glob("**/*"):
            if file.suffix in (".rs", ".py", ".ts", ".mjs") and "node_modules" not in file.parts:
                urls = re.findall(r"https://github\.com/aks-kms/aks-kms[\w/.#-]*", file.read_text())
                found += [(str(file.relative_to(ROOT)), url.rstrip(".")) for url in urls]
    for page, link in found:
        path, _, anchor = link.partition("#")
        path = re.sub(r"https://github\.com/aks-kms/aks-kms(/((blob|tree)/main/)?)?", "/", path)
        if re.match(r"/(actions|compare|issues|releases|security)\b", path):
            # what GitHub makes itself
            continue
        if path in ("", "/"):
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


def test_each_item_of_the_crate_that_the_readme_links_is_there() -> None:
    """By its address at docs.rs: a path of Rust leads nowhere on the pages of GitHub and crates.io."""
    readme = (ROOT / "README.md").read_text()
    assert re.findall(r"\]\(\w+::\w+\)", readme) == []
    address = (
        r"https://docs\.rs/aks-kms/latest/aks_kms/(struct|enum|fn)\.(\w+)\.html(?:#(method|variant)\.(\w+))?"
    )
    found = re.findall(rf"^\[[^\]]+\]: {address}$", readme, re.MULTILINE)
    assert len(found) == readme.count("https://docs.rs/aks-kms/") > 20
    core = ROOT / "core" / "src"
    exported = (core / "lib.rs").read_text()
    source = "\n".join(file.read_text() for file in core.glob("**/*.rs"))
    for kind, name, part, member in found:
        assert re.search(rf"^pub use .*\b{name}\b|^    .*\b{name}\b.*,$", exported, re.MULTILINE), name
        assert re.search(rf"^pub (async )?{kind} {name}\b", source, re.MULTILINE), name
        if part:
            whole = rf"^impl(<.*>)? {name} {{\n" if part == "method" else rf"^pub enum {name} {{\n"
            bodies = [
                body.partition("\n}")[0] for body in re.split(whole, source, flags=re.MULTILINE)[1:] if body
            ]
            declared = rf"\n    pub (async )?fn {member}\b" if part == "method" else rf"^    {member}\b"
            assert any(re.search(declared, body, re.MULTILINE) for body in bodies), f"{name}::{member}"


def links(page: Path) -> list[str]:
    """What a page links to, but for other people's pages: in place, or by a label that is defined below."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    defined = dict(re.findall(r"^\[([^\]]+)\]: (\S+)$", text, re.MULTILINE))
    used = set(re.findall(r"\]\[([^\]]+)\]", re.sub(r"`[^`]*`", "", text)))
    assert used <= defined.keys(), f"{page}: {used - defined.keys()}"
    found = re.findall(r"\]\(([^)\s]+)\)", text) + list(defined.values())
    return [link for link in found if not re.match(r"https://(?!github\.com/aks-kms/)", link)]


def anchors(page: Path) -> set[str]:
    """What links can name in a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_lists_every_page() -> None:
    index = (ROOT / "README.md").read_text().partition("\n## More\n")[2]
    listed = set(re.findall(r"\]\[(docs/[\w-]+\.md)\]", index))
    assert listed == {page for page in PAGES if page.startswith("docs/")}


def test_what_the_readme_runs_in_a_shell(tmp_path: Path) -> None:
    """Its commands, with the cloud that a simulator is and nobody who could be asked."""
    (text,) = [
        block.text for block in blocks("README.md") if "aks-kms" in block.text and block.language == "sh"
    ]
    given = Block(
        "README.md", 0, "", "sh", "", f"{SIMULATOR} --port 0 --time-scale 0.01 --directory simulated"
    )
    # a dry run needs no consent, and takes none
    ours = """
aks-kms() {
    local consent=--yes
    if [ "$1" = plan ]; then consent=; fi
    command aks-kms "$@" --cloud "$AZURE_RESOURCE_MANAGER" $consent
}
"""
    with Reader(World("README.md", given, ()), tmp_path) as reader:
        look(reader, reader.runs(f". simulated/env\n{ours}{text}"))


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
        evidence = tmp_path / "rotation.html"
        if evidence.exists():
            (command,) = [block.text for block in blocks("docs/evidence.md") if "sha256sum" in block.text]
            digest = reader.runs(command).split()[0]
            assert f'<pre id="sha256">{digest}</pre>' in evidence.read_text()


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


def test_every_code_and_every_rule_has_its_trouble_shot() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    headings = re.findall(r"^### `(\w+)`$", page, re.MULTILINE)
    codes = re.findall(r"^## `(\w+)`$", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE)
    assert headings == codes
    linked = set(re.findall(r"docs/rules\.md#([\w-]+)\)", page))
    assert linked == {str(rule.id) for rule in aks_kms.rules()}
