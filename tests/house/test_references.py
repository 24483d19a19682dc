"""What documents, code and templates name of this checkout is there: pages and their headings, paths, modules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.house.findings import assert_none

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("pipeline", "stages", "definitions", "cicd", "tests", "docs")
TEXTS = (".md", ".py", ".yaml", ".yml", ".json", ".toml", ".html", ".lock")

_PATH = re.compile(rf"(?<![\w/.{{<-])(?:{'|'.join(FOLDERS)})/[\w./-]*\w")
_PAGE = re.compile(r"docs/[\w/-]+\.md#[\w-]+")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_MODULE = re.compile(r"(?<![\w./-])(?:pipeline|stages)(?:\.(?!yaml\b|__)[a-z_]\w*)+")

MADE_UP = frozenset(
    {
        # What commands, examples and tests make.
        "definitions/datasets/retail/sales.yaml",
        "definitions/datasets/retail/orders.yaml",
        "definitions/datasets/retail/transforms/orders.sql",
    }
)


def texts(*suffixes: str) -> list[Path]:
    names = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in (suffixes or TEXTS)]
    top = [path for path in ROOT.glob("*") if path.suffix in (suffixes or TEXTS) or path.name == "Makefile"]
    return sorted(path for path in [*names, *top] if "node_modules" not in path.parts)


PAGES = texts(".md")


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def slugs(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading).strip().lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def leads_somewhere(page: Path, link: str) -> bool:
    target, _, anchor = link.partition("#")
    file = (page.parent / target).resolve() if target else page
    return "://" in link or (file.exists() and (not anchor or anchor in slugs(file)))


def test_every_link_of_a_page_leads_somewhere_and_to_a_heading() -> None:
    assert_none(
        f"{relative(page)} links to {link}"
        for page in PAGES
        for link in _LINK.findall(page.read_text(encoding="utf-8"))
        if not leads_somewhere(page, link)
    )


def test_every_path_that_a_page_names_is_there() -> None:
    named = {
        (relative(page), found.rstrip("."))
        for page in PAGES
        for found in _PATH.findall(page.read_text(encoding="utf-8"))
    }
    assert_none(f"{page} names {name}" for page, name in sorted(named) if name not in MADE_UP and not _is_there(name))


def test_every_heading_that_code_and_templates_name_is_there() -> None:
    for path in texts():
        for found in _PAGE.findall(path.read_text(encoding="utf-8")):
            page, _, anchor = found.partition("#")
            assert (ROOT / page).exists(), f"{relative(path)} names {found}"
            assert anchor in slugs(ROOT / page), f"{relative(path)} names {found}: no such heading"


def test_every_page_that_code_and_templates_name_is_there() -> None:
    missing = {
        (relative(path), page)
        for path in texts()
        for page in re.findall(r"docs/[\w/-]+\.md", path.read_text(encoding="utf-8"))
        if not (ROOT / page).exists()
    }
    assert missing == set()


def test_every_module_that_a_page_names_can_be_imported() -> None:
    assert_none(f"{relative(page)} names {name}" for page in PAGES for name in _unknown(page))


def test_every_module_that_a_docstring_or_comment_names_is_there() -> None:
    assert [
        (relative(path), name) for path in texts(".py") if "tests" not in path.parts for name in _unknown(path)
    ] == []


def _unknown(path: Path) -> Iterator[str]:
    for name in sorted(set(_MODULE.findall(path.read_text(encoding="utf-8")))):
        if not _is_module_or_part(name):
            yield name


def _is_module_or_part(name: str) -> bool:
    """A module, or a name within one."""
    pieces = name.split(".")
    folder = ROOT.joinpath(*pieces)
    if folder.is_dir() or folder.with_suffix(".py").exists():
        return True
    parent = ROOT.joinpath(*pieces[:-1])
    source = parent / "__init__.py" if parent.is_dir() else parent.with_suffix(".py")
    return source.exists() and re.search(rf"\b{pieces[-1]}\b", source.read_text(encoding="utf-8")) is not None


def _is_there(name: str) -> bool:
    return (ROOT / name).exists() or any(ROOT.glob(name + ".*"))
