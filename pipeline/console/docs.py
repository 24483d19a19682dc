"""The documentation of this release, served with the console: docs/*.md as pages, and their pictures.

Only what lies in the folder `docs` is served, and only Markdown and pictures. HTML in Markdown is shown as text, and
links have the schemes that markdown-it lets through, so that a page holds no script.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from pipeline.console.pages import TEMPLATES, Document, text_page
from pipeline.core.errors import NotThere

ROOT = Path(__file__).resolve().parents[2] / "docs"
SERVED = (".md", ".png")
START = "console.md"

_NUMBER = re.compile(r"[-+]?[\d,. ]+\s*(%|[kMG]?B|s|ms)?")

HELP = {
    "/datasets/": f"{START}#from-a-red-line-to-its-cause-and-to-a-mended-table",
    "/datasets": "datasets.md",
    "/definition": f"{START}#define-a-dataset",
    "/batches": "quality.md",
    "/browse": f"{START}#from-a-red-line-to-its-cause-and-to-a-mended-table",
    "/objects": f"{START}#find",
    "/object": f"{START}#from-a-red-line-to-its-cause-and-to-a-mended-table",
    "/executions": f"{START}#executions",
    "/machines": f"{START}#executions",
    "/schedules": f"{START}#schedules",
    "/feeds": "feeds.md",
    "/forecasts": "forecasts.md",
    "/queues": "runbook.md#messages-in-a-dead-letter-queue",
    "/query": f"{START}#query",
    "/logs": f"{START}#find",
    "/search": f"{START}#find",
    "/glossary": "protocol.md",
}
"""Where pages are explained, by what their path begins with; the first that fits."""


def help_of(path: str) -> str:
    """The page of the documentation that explains the page at `path`."""
    found = next((target for prefix, target in HELP.items() if path.startswith(prefix)), START)
    return f"/docs/{found}"


def build(path: Mapping[str, str]) -> Document:
    """A page of the documentation, with its headings and the names of all pages. `NotThere` if there is none."""
    file = _file(path["name"])
    if file.suffix != ".md":
        raise NotThere(f"{file.name} is no page of the documentation")
    tokens = _parsed(file)
    headings = [(token, inline) for token, inline in pairwise(tokens) if _is_heading(token)]
    title = next((inline.content for token, inline in headings if token.tag == "h1"), file.stem)
    return {
        "title": title,
        "name": path["name"],
        "html": _markdown().renderer.render(tokens, _markdown().options, {}),
        "headings": [
            {"id": str(token.attrGet("id")), "text": _plain(inline)} for token, inline in headings if token.tag == "h2"
        ],
        "pages": pages(),
    }


def pages() -> list[dict[str, str]]:
    """The pages of the documentation, by name, with their titles."""
    files = sorted(ROOT.rglob("*.md"))
    return [{"name": file.relative_to(ROOT).as_posix(), "title": _title(file)} for file in files]


def _title(file: Path) -> str:
    with file.open(encoding="utf-8") as lines:
        return next((line.lstrip("# ").strip() for line in lines if line.startswith("# ")), file.stem)


def _file(name: str) -> Path:
    """A file of the folder; `NotThere` for what is not in it, wherever links lead."""
    missing = NotThere(f"the documentation has no {name}", hint="Its first page is /docs/console.md.")
    try:
        file = (ROOT / name).resolve(strict=True)
    except (OSError, ValueError):
        raise missing from None
    if not file.is_relative_to(ROOT) or not file.is_file():
        raise missing
    return file


@cache
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.add_render_rule("table_open", _table)
    markdown.add_render_rule("table_close", lambda *_: "</table></div>\n")
    markdown.add_render_rule("th_open", _header)
    markdown.add_render_rule("th_close", lambda _, tokens, index, *__: f"</{_tag(tokens[index - 1])}>\n")
    markdown.add_render_rule("fence", _fence)
    markdown.add_render_rule("code_block", _fence)
    return markdown


def _table(_renderer: Any, tokens: list[Token], index: int, *_: Any) -> str:
    number = sum(token.type == "table_open" for token in tokens[: index + 1])
    return f'<div class="scroll" tabindex="0" role="region" aria-label="Table {number}"><table>\n'


def _tag(content: Token) -> str:
    """A header without text is none."""
    return "th" if content.content else "td"


def _header(renderer: Any, tokens: list[Token], index: int, *_: Any) -> str:
    return f"<{_tag(tokens[index + 1])}{renderer.renderAttrs(tokens[index])}>"


def _fence(_renderer: Any, tokens: list[Token], index: int, *_: Any) -> str:
    return f'<pre tabindex="0"><code>{escape(tokens[index].content)}</code></pre>\n'


def _parsed(file: Path) -> list[Token]:
    """The tokens of a page: headings with the ids that GitHub gives them, links that stay within the documentation."""
    tokens, taken = _markdown().parse(file.read_text(encoding="utf-8")), dict[str, int]()
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        if _is_heading(token) and after:
            token.attrSet("id", _slug(_plain(after), taken))
        if token.type in ("th_open", "td_open") and after:
            _mend_cell(token, after)
        if token.children:
            _mend_links(token.children, file.parent)
    return tokens


def _mend_cell(token: Token, content: Token) -> None:
    """Numbers stand at the right, by a class: the console's pages take no style of their own."""
    is_right = "right" in str(token.attrs.pop("style", ""))
    if is_right or _NUMBER.fullmatch(_plain(content)):
        token.attrSet("class", "n")
    if token.tag == "th" and content.content:
        token.attrSet("scope", "col")


def _is_heading(token: Token) -> bool:
    return token.type == "heading_open"


def _plain(inline: Token) -> str:
    return "".join(each.content for each in inline.children or () if each.type in ("text", "code_inline"))


def _slug(text: str, taken: dict[str, int]) -> str:
    slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
    number = taken.get(slug, 0)
    taken[slug] = number + 1
    return f"{slug}-{number}" if number else slug


def _mend_links(children: list[Token], folder: Path) -> None:
    """A link to what is not served, as it lies beside the folder of the documentation, becomes its text."""
    opened: list[bool] = []
    for token in children:
        if token.type == "link_open":
            target = str(token.attrGet("href") or "")
            opened.append(_is_served(target, folder))
            if not opened[-1]:
                token.tag, token.attrs = "span", {"title": target}
        elif token.type == "link_close" and not opened.pop():
            token.tag = "span"


def _is_served(target: str, folder: Path) -> bool:
    """Whether a link leads to a page of the documentation, to a place on the same page, or to the web."""
    path = unquote(target.partition("#")[0])
    if not path or path.startswith(("https://", "http://")):
        return True
    file = (folder / path).resolve()
    return file.suffix in SERVED and file.is_relative_to(ROOT) and file.is_file()


async def picture(request: Request) -> Response:
    """A picture of the documentation."""
    return FileResponse(_file(f"{request.path_params['name']}.png"), media_type="image/png")


TEMPLATES.globals |= {"help_of": help_of}

ROUTES = [
    Route("/docs/{name:path}.png", picture),
    *text_page("/docs/{name:path}", "docs.html", build),
]
