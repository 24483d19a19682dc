"""Which files of a checkout a module needs, found in its sources: what it imports, and what those import.

The standard library's `modulefinder` answers the same question, but follows what is imported for type checkers only,
and reads every module again for every function.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path

from pipeline.core.errors import BadDefinition

PACKAGES = ("pipeline", "stages")
# What never runs on AWS: the embedded lake and the tools that a person uses.
LEFT_OUT = ("pipeline/emulator", "pipeline/cli", "pipeline/console", "pipeline/deploy", "pipeline/toolchain")
# A module that says one of these reads the files beside it.
_DATA = frozenset(("__file__", "importlib.resources"))
# What these import cannot be seen in the sources.
_UNSEEN = frozenset(("__import__", "import_module", "run_module", "run_path"))


class Imports:
    """The imports between the modules of the checkout `root`, each module read once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._of = cache(self._read)
        self._said = cache(self._parse)
        self._file = cache(self._find)

    def files(self, module: str) -> frozenset[str]:
        """Paths, relative to the checkout, of a module, of all that it imports, and of the data that those read.

        An import inside a function counts; one that a package's `__getattr__` makes, for whoever asks the package for
        a name (PEP 562), counts for those. `BadDefinition` if the module, or one that it imports, is not there or
        never runs on AWS, or imports by a name that only a run shows.
        """
        return self._reachable(self._with_parents(module))

    def files_of_script(self, script: str) -> frozenset[str]:
        """The same of a script, without itself: it runs as `__main__`, and nothing imports it."""
        _, imported = self._of(script)
        return self._reachable(imported)

    def outside(self, files: Iterable[str]) -> frozenset[str]:
        """The top-level modules that these files import and the checkout does not have."""
        named = {name for file in files if file.endswith(".py") for name in self._said(file)[0]}
        return frozenset(name.partition(".")[0] for name in named) - set(PACKAGES)

    def _reachable(self, modules: Iterable[str]) -> frozenset[str]:
        found: set[str] = set()
        waiting = list(modules)
        while waiting:
            file = self._file(waiting.pop())
            if file and file not in found:
                data, imported = self._of(file)
                found |= {file, *data}
                waiting += imported
        return frozenset(found)

    def _read(self, file: str) -> tuple[frozenset[str], frozenset[str]]:
        """The data files that a file reads, and the modules of the checkout that it imports."""
        imported, words, _ = self._said(file)
        if unseen := (words | {name.rpartition(".")[2] for name in imported}) & _UNSEEN:
            raise BadDefinition(f"{file}: what {', '.join(sorted(unseen))} imports cannot be packaged")
        data = self._beside(file) if (words | imported) & _DATA else frozenset()
        inside = {name for name in imported if name.partition(".")[0] in PACKAGES}
        return data, frozenset(module for name in inside for module in self._with_parents(name, file))

    def _parse(self, file: str) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
        """The full names that a file imports anywhere, apart from those for type checkers; every name it uses; and
        what its `__getattr__` imports, which is in the first only where it is none of a package."""
        tree = ast.parse((self._root / file).read_bytes(), file)
        late = [node for node in tree.body if _is_getattr(node)] if file.endswith("/__init__.py") else []
        imported, words = self._walk(file, [node for node in tree.body if node not in late])
        imported_late, words_late = self._walk(file, late)
        return imported, words | words_late, imported_late

    def _walk(self, file: str, nodes: Iterable[ast.AST]) -> tuple[frozenset[str], frozenset[str]]:
        package = file.rpartition("/")[0].replace("/", ".")
        imported, words = set(), set()
        waiting = list(nodes)
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
                waiting += node.orelse
                continue
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                module = resolve_name("." * node.level + (node.module or ""), package)
                imported |= {f"{module}.{alias.name}" for alias in node.names}
                if module.partition(".")[0] not in PACKAGES:
                    imported.add(module)
            elif isinstance(node, ast.Name):
                words.add(node.id)
            elif isinstance(node, ast.Attribute):
                words.add(node.attr)
            waiting += ast.iter_child_nodes(node)
        return frozenset(imported), frozenset(words)

    def _with_parents(self, name: str, importer: str = "") -> Iterator[str]:
        """A module and its packages; of `package.attribute` the package. Only a last part may be no module."""
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            module = ".".join(parts[:end])
            if self._file(module) is None:
                if end == 1 or end < len(parts) or not importer:
                    raise BadDefinition(f"{importer or name}: there is no module {module}")
                yield from self._late(".".join(parts[: end - 1]))
                return
            yield module
        yield from self._late(name)

    def _late(self, module: str) -> Iterator[str]:
        """What a package imports once it is asked for a name."""
        if file := self._file(module):
            for name in self._said(file)[2]:
                yield from self._with_parents(name, file)

    def _find(self, module: str) -> str | None:
        path = module.replace(".", "/")
        for file in (f"{path}.py", f"{path}/__init__.py"):
            if (self._root / file).is_file():
                if file.startswith(tuple(f"{folder}/" for folder in LEFT_OUT)):
                    raise BadDefinition(f"{module} never runs on AWS, and is imported by what does")
                return file
        # A namespace package, such as a folder of scripts, has no file to ship.
        return "" if (self._root / path).is_dir() else None

    def _beside(self, file: str) -> frozenset[str]:
        folder = (self._root / file).parent
        files = (path for path in folder.iterdir() if path.is_file() and path.suffix not in (".py", ".pyc"))
        return frozenset(path.relative_to(self._root).as_posix() for path in files if path.name[0] != ".")


def _is_getattr(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "__getattr__"
