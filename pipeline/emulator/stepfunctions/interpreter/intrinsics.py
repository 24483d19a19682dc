"""Literals of intrinsic functions: their escapes, decimals, and the places of `States.Format`.

The reserved characters `'`, `{`, `}` and `\\` stand in a literal behind a backslash (AWS's developer guide, Intrinsic
functions). moto lets the backslash stand before some of them, fills places as Python's `format` does, and takes no
decimal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pipeline.emulator.moto.patch import patch
from pipeline.emulator.stepfunctions.interpreter.paths import text_of

_PARSE = "moto.stepfunctions.parser.asl.parse"

_PLACE = "{}"
_TOKEN = re.compile(r"\\(.)|\{\}|[^\\{]+|.", re.DOTALL)
_BRACKETS = re.compile(r"\[(?:'[^']*'|\"[^\"]*\"|[^\]'\"])*\]")
# A literal, or a step of a path: the name behind a dot, if it has one, and what is in brackets.
_PIECE = re.compile(
    r"'(?:[^'\\]|\\.)*'"
    rf"|\.(?P<name>[^\W\d][^\s.\[\](),'\"*?@]*)(?P<behind>(?:{_BRACKETS.pattern})*)|(?P<brackets>(?:{_BRACKETS.pattern})+)",
    re.DOTALL,
)
_PLAIN_NAME = re.compile(r"\w+", re.ASCII)
# As AWS was recorded to read them.
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r"}


class Literal(str):
    """The text of a literal; `pieces` are what stands before, between and behind its places `{}`."""

    __slots__ = ("pieces",)
    pieces: tuple[str, ...]


def literal(written: str) -> Literal:
    """Read what stands between the single quotes of a literal."""
    pieces = [""]
    for token in _TOKEN.finditer(written):
        if token[0] == _PLACE:
            pieces.append("")
        else:
            pieces[-1] += _CONTROLS.get(token[1], token[1]) if token[1] else token[0]
    read = Literal(_PLACE.join(pieces))
    read.pieces = tuple(pieces)
    return read


def _as_moto_reads_it(call: str) -> str:
    """A call in moto's grammar: no literal goes over a line's end, and `$.my-key[0][1]` is `$.['my-key'].[0].[1]`."""

    def written(piece: re.Match[str]) -> str:
        if piece["name"] is not None and not _PLAIN_NAME.fullmatch(piece["name"]):
            return "".join(f".{each}" for each in (f"['{piece['name']}']", *_BRACKETS.findall(piece["behind"])))
        if piece["name"] is not None:
            return f".{piece['name']}{'.'.join(_BRACKETS.findall(piece['behind']))}"
        if piece["brackets"] is not None:
            return ".".join(_BRACKETS.findall(piece["brackets"]))
        return piece[0].replace("\n", "\\n").replace("\r", "\\r")

    return _PIECE.sub(written, call)


def call_of(text: str) -> Any:
    """The function that a text calls, as the interpreter runs it. ValueError if it is no call of one that there is.

    moto's parser tells what it cannot read on standard error, and goes on without it.
    """
    from moto.stepfunctions.parser.asl.parse import asl_parser
    from moto.stepfunctions.parser.asl.parse.intrinsic import intrinsic_parser

    theirs: Any = intrinsic_parser
    outer: Any = asl_parser
    listener = outer.SyntaxErrorListener()
    lexer = theirs.ASLIntrinsicLexer(theirs.InputStream(_as_moto_reads_it(text)))
    parser = theirs.ASLIntrinsicParser(theirs.CommonTokenStream(lexer))
    for each in (lexer, parser):
        each.removeErrorListeners()
        each.addErrorListener(listener)
    tree = parser.func_decl()
    if listener.errors:
        raise ValueError(f"{text!r} is no call: {listener.errors[0]}")
    return theirs.Preprocessor().visit(tree)


def gives_text(call: Any) -> bool:
    """Whether what `call_of` read may be the error or cause of a Fail."""
    from moto.stepfunctions.parser.asl.component.state.fail.cause_decl import _STRING_RETURN_FUNCTIONS

    return call.name.name in _STRING_RETURN_FUNCTIONS


def paths_of(call: Any) -> Iterator[str]:
    """The paths among the arguments of what `call_of` read, and of the calls inside of it."""
    from moto.stepfunctions.parser.asl.component.intrinsic.argument import argument as kinds

    for each in call.argument_list.arguments:
        if isinstance(each, kinds.ArgumentFunction):
            yield from paths_of(each.function)
        elif isinstance(each, kinds.ArgumentVar):
            yield each.string_variable_sample.expression
        elif isinstance(each, kinds.ArgumentJsonPath):
            yield each.json_path


@patch(
    f"{_PARSE}.preprocessor:Preprocessor.visitString_intrinsic_function",
    "c9faa27fc097",
    "moto forgets the escapes of a call, and goes on without what it cannot read",
)
def _intrinsic(self: Any, context: Any) -> Any:
    from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringIntrinsicFunction

    call = str(text_of(context.STRINGINTRINSICFUNC()))
    return StringIntrinsicFunction(intrinsic_function_derivation=call, function=call_of(call))


@patch(
    f"{_PARSE}.intrinsic.preprocessor:Preprocessor._text_of_str",
    "b123da45ffbe",
    "moto lets the backslash stand before some reserved characters",
)
def _literal_of(tree: Any) -> str:
    return literal(tree.getText()[1:-1])


@patch(f"{_PARSE}.intrinsic.preprocessor:Preprocessor.visitFunc_arg_float", "cb8c646f2151", "moto takes no decimal")
def _number(self: Any, context: Any) -> Any:
    from moto.stepfunctions.parser.asl.component.intrinsic.argument.argument import ArgumentLiteral

    return ArgumentLiteral(definition_value=float(context.NUMBER().getText()))


@patch(
    "moto.stepfunctions.parser.asl.component.intrinsic.function.statesfunction.generic.string_format:StringFormat._eval_body",
    "97791ffd1722",
    "moto fills places as Python's format does",
)
def _format(self: Any, env: Any) -> None:
    self.argument_list.eval(env=env)
    template, *values = env.stack.pop()
    if not isinstance(template, str):
        raise ValueError("the first argument must be a string")
    pieces = getattr(template, "pieces", None) or template.split(_PLACE)
    if len(values) != len(pieces) - 1:
        raise ValueError(f"there are {len(pieces) - 1} places {_PLACE} and {len(values)} values for them")
    texts = [self._to_str_repr(value) for value in values]
    env.stack.append("".join(piece + text for piece, text in zip(pieces, [*texts, ""], strict=True)))
