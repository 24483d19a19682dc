"""What a test asserts of a page in the browser is waited for: right after a click the next page is not yet drawn."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.house.findings import assert_none

HERE = Path(__file__).parent
TESTS = HERE.parent
DRIVES = re.compile(r"\b(chromium|playwright|newcomer|tab)\b")
"""What stands in a module whose tests drive a browser."""
LOOKS = {
    "all_inner_texts",
    "all_text_contents",
    "bounding_box",
    "evaluate",
    "evaluate_all",
    "get_attribute",
    "inner_html",
    "inner_text",
    "input_value",
    "is_checked",
    "is_disabled",
    "is_editable",
    "is_enabled",
    "is_hidden",
    "is_visible",
    "text_content",
}
"""Methods of Playwright's pages and locators that answer at once; `count()` is one, too."""
ASKED_ONCE = {
    "test_a_page_from_elsewhere_reads_and_changes_nothing_although_the_browser_has_the_cookie",
    "test_a_page_of_another_port_reads_nothing_and_changes_nothing",
    "test_a_page_whose_name_becomes_this_machine_reads_refusals_alone",
    "test_every_text_has_its_room_in_chromium_and_every_drawing_is_xml_with_finite_numbers",
}
"""Tests whose scripts attack, and themselves wait for their end: who asked them again would forgive an attack; and one
whose page is text that it sets itself, with nothing that could still come."""


def _at_once(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of an expression that are worked out once: not those of a lambda, which `until` asks again."""
    if isinstance(node, ast.Lambda):
        return
    yield node
    for each in ast.iter_child_nodes(node):
        yield from _at_once(each)


def _looks(node: ast.AST, known: set[str]) -> bool:
    """Whether an expression looks at a page, or has one of the `known` names, which hold what was seen."""
    for each in _at_once(node):
        if isinstance(each, ast.Name) and each.id in known:
            return True
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
            name = each.func.attr
            if name in LOOKS or (name == "count" and not each.args):
                return True
    return False


def _names(function: ast.FunctionDef) -> set[str]:
    """The names that hold what was seen of a page, in a function."""
    known: set[str] = set()
    for each in ast.walk(function):
        if isinstance(each, ast.Assign) and _looks(each.value, set()):
            known |= {name.id for target in each.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return known


def _found(source: str) -> list[tuple[str, int]]:
    """The functions and lines of asserts that look at a page only once."""
    functions = [each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.FunctionDef)]
    return [
        (function.name, each.lineno)
        for function in functions
        if function.name not in ASKED_ONCE
        for each in ast.walk(function)
        if isinstance(each, ast.Assert) and _looks(each.test, _names(function))
    ]


def _driving() -> dict[Path, str]:
    """The modules that drive a browser, and their text."""
    found = {path: path.read_text(encoding="utf-8") for path in sorted(TESTS.rglob("*.py")) if path.parent != HERE}
    return {path: source for path, source in found.items() if DRIVES.search(source)}


def test_what_is_asserted_of_a_page_is_waited_for() -> None:
    assert_none(
        f"{path.relative_to(TESTS)}:{line}: {name} looks at its page once: use Playwright's expect(...), or until"
        for path, source in _driving().items()
        for name, line in _found(source)
    )


def test_a_look_is_found_wherever_an_assert_has_it_and_waiting_is_not() -> None:
    once = [
        "assert tab.get_by_text('x').is_visible()",
        "assert not tab.locator('x').count()",
        "assert 'x' in tab.locator('main').inner_text(), 'why'",
        "width = svg.bounding_box()['width']\n    assert width > 3",
        "first, second = tab.locator('b').all_inner_texts()\n    assert second == 'x'",
        "assert len([each for each in tab.evaluate(FAULTS) if each]) == 4",
    ]
    waiting = [
        "expect(tab.get_by_text('x')).to_be_visible()",
        "until(lambda: tab.locator('x').count() == 3)",
        "text = tab.locator('x').input_value()\n    tab.fill(text)",
        "assert 'abc'.count('a') == 1",
    ]
    assert [bool(_found(f"def test(tab):\n    {body}")) for body in (*once, *waiting)] == [True] * 6 + [False] * 4


def test_every_exception_is_a_test() -> None:
    tests = "\n".join(
        path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py") if path.parent.name != "house"
    )
    assert [name for name in ASKED_ONCE if f"def {name}(" not in tests] == []
