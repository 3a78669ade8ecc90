"""The documents say what the code does: tables, names, examples and links are compared with it."""

import re
import tomllib
from pathlib import Path

import pytest

import callstate
from callstate.config import parse
from callstate.directory.file import DirectoryFile
from callstate.web.params import PARAMS
from callstate.web.rows import FIELDS, NAME_FIELDS
from tests.scrape import labels_by_metric

ROOT = Path(__file__).parent.parent
PACKAGE = Path(callstate.__file__).parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
OPERATION = (ROOT / "docs/operation.md").read_text(encoding="utf-8")
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
DOCUMENTS = [
    path
    for path in sorted(ROOT.rglob("*.md"))
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
]


def _rows_between(start: str, end: str) -> list[str]:
    table = README.partition(start)[2].partition(end)[0]
    return [line for line in table.splitlines() if line.startswith("| `")]


def _examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_the_readme_has_the_parameters_of_the_code() -> None:
    defaults = ("required" if p.required else f"`{p.default}`" if p.default else "" for p in PARAMS)
    rows = [
        f"| `{p.name}` | {default} | {p.help} |"
        for p, default in zip(PARAMS, defaults, strict=True)
    ]
    assert _rows_between("| parameter |", "The answer's") == rows


def test_the_readme_has_the_fields_of_the_code() -> None:
    rows = [f"| `{field.name}` | {field.type} | {field.help} |" for field in FIELDS + NAME_FIELDS]
    assert _rows_between("| field |", "`responses` holds") == rows


def test_the_readmes_configuration_is_valid() -> None:
    config = parse(tomllib.loads(_examples("toml")[0]))
    assert len(config.machine) == 1


def test_the_readmes_directory_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "directory.toml"
    path.write_text(_examples("toml")[1], encoding="utf-8")
    assert "wallboard" in DirectoryFile(path).load().users


def test_every_make_target_is_in_the_readme() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^(\w+):.*##", makefile, flags=re.MULTILINE))
    assert {target for target in targets if f"make {target}" not in README} <= {"format"}


def test_every_metric_is_in_the_operators_table_with_its_labels() -> None:
    rows = re.findall(r"^\| `((?:callstate|process)_\w+)(\{.+\})?` \|", OPERATION, re.MULTILINE)
    documented = {name: set(filter(None, labels.strip("{}").split(","))) for name, labels in rows}
    assert len(documented) == len(rows)
    assert documented == labels_by_metric()


@pytest.mark.parametrize("layer", ["core", "ami", "web", "directory"])
def test_modules_that_the_documents_name_are_there(layer: str) -> None:
    named = set(re.findall(rf"`{layer}/(\w+)`", README + ARCHITECTURE + OPERATION))
    there = {path.stem for path in (PACKAGE / layer).iterdir() if path.suffix in {".py", ".pyx"}}
    assert named <= there


def test_the_code_map_has_every_module_of_the_core() -> None:
    table = ARCHITECTURE.partition("| module |")[2].partition("\n\n")[0]
    mapped = {
        name
        for row in table.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert mapped == {path.stem for path in (PACKAGE / "core").glob("[a-z]*.py")}


@pytest.mark.parametrize("path", DOCUMENTS, ids=[str(p.relative_to(ROOT)) for p in DOCUMENTS])
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_decisions_are_numbered_and_have_their_three_parts() -> None:
    for number, path in enumerate(DECISIONS, 1):
        text = path.read_text(encoding="utf-8")
        assert path.name.startswith(f"{number:04}-")
        assert text.startswith(f"# {number}. ")
        parts = re.findall(r"^\*\*(\w+)\.\*\*", text, flags=re.MULTILINE)
        assert parts == ["Context", "Decision", "Consequences"]


def test_the_changelog_begins_with_what_is_not_released() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(.+?)\]", text, flags=re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert headings[0] == "Unreleased"
    assert headings[1:2] in ([], [project["version"]])
