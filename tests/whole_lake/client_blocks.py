"""Runs blocks of Python, each with two keys, in the environment of those who have nothing of Sluice: as a script.

It reads `{"blocks": {name: code}, "wrong": secret}` from its input and writes, by name, what each printed and raised
with the key that the environment holds and with the wrong secret. All are forked from one process, as importing pandas
and its like takes longer than what is tried.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import multiprocessing
import os
import sys
import traceback

KEYS = ("right", "wrong")


def imports(code: str) -> str:
    lines = [line for line in ast.parse(code).body if isinstance(line, ast.Import | ast.ImportFrom)]
    return ast.unparse(ast.Module(lines, []))


def run(block: tuple[str, str | None]) -> tuple[bool, str]:
    """Whether the code went through, and what it said."""
    code, secret = block
    if secret:
        os.environ["AWS_SECRET_ACCESS_KEY"] = secret
    # Libraries print past Python as well: progress of DuckDB.
    os.dup2(2, 1)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        try:
            exec(code, {"__name__": "__main__"})
        except Exception:
            said.write(traceback.format_exc())
            return False, said.getvalue()
    return True, said.getvalue()


def main() -> None:
    told = json.load(sys.stdin)
    for code in told["blocks"].values():
        exec(imports(code), {})
    tried = [(code, secret) for code in told["blocks"].values() for secret in (None, told["wrong"])]
    with multiprocessing.get_context("fork").Pool(2, maxtasksperchild=1) as pool:
        results = iter(pool.map(run, tried, chunksize=1))
    json.dump({name: {key: next(results) for key in KEYS} for name in told["blocks"]}, sys.stdout)


if __name__ == "__main__":
    main()
