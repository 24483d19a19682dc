r"""Mapping templates do what API Gateway's do.

Sources: "Mapping template and access logging variable reference for API Gateway" ($input, $util), Velocity 1.7's user
guide (null, strings, loops), and java.lang.String.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.emulator.apigateway.variables import check_template, escape_java_script, mapped
from pipeline.emulator.apigateway.vtl import TemplateFailed

BODY = json.dumps({"a": 1, "list": [{"x": "p"}, {"x": "q"}], "deep": {"null": None, "true": True}, "text": "it's"})
PARAMETERS = {
    "path": {"time": "2020-07-22T19%3A00", "both": "of path"},
    "querystring": {"both": "of query", "q": "a b"},
    "header": {"Accept-Language": "de", "q": "of header"},
}


def made(template: str, body: str = BODY, context: dict[str, Any] | None = None) -> str:
    check_template(template)
    known = context if context is not None else {"stage": "v1", "responseOverride": {"header": {}}}
    return mapped(template, body, PARAMETERS, known, {"table": "rows"})


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("$input.body", BODY),
        ("$input.json('$.deep')", '{"null":null,"true":true}'),
        ("$input.json('$.list[*].x')", '["p","q"]'),
        ("$input.json('$.text')", '"it\'s"'),
        ("$input.path('$.list[1].x')", "q"),
        ("$input.path('$.list').size()", "2"),
        ("$input.path('$.deep')", "{null=null, true=true}"),
        ("$input.path('$.nothing')", ""),
        ("$input.path('$').deep.true", "true"),
        ("$input.params('both')", "of path"),
        ("$input.params('q')", "a b"),
        ("$input.params('accept-language')", "de"),
        ("$input.params('nothing')", ""),
        ("$input.params().querystring.both", "of query"),
        ("$input.params().get('header').get('Accept-Language')", "de"),
        # What is in a path is not unescaped; what is in a query is.
        ("$input.params('time')", "2020-07-22T19%3A00"),
        ("$util.urlDecode($input.params('time'))", "2020-07-22T19:00"),
        ("$context.stage ${context.stage}x $context.nothing.at.all", "v1 v1x "),
        ("$stageVariables.table ${stageVariables.table}s", "rows rowss"),
        ("$nothing", ""),
        ("a price of $5 and #hash", "a price of $5 and #hash"),
    ],
)
def test_values(template: str, text: str) -> None:
    assert made(template) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("""$util.escapeJavaScript('a"b\\c/d')""", '\\"b\\\\c\\/d'.join(["a", ""])),
        ("$util.escapeJavaScript($input.path('$.text'))", "it\\'s"),
        # The documentation's own remedy for what JSON does not have.
        ("""$util.escapeJavaScript($input.path('$.text')).replaceAll("\\\\'","'")""", "it's"),
        ("$util.escapeJavaScript($input.path('$.list'))", '[{\\"x\\":\\"p\\"},{\\"x\\":\\"q\\"}]'),
        ("""$util.parseJson('{"a": {"b": [1, 2]}}').a.b[1]""", "2"),
        ("$util.urlEncode('a b~*/é&')", "a+b%7E*%2F%C3%A9%26"),
        ("$util.urlDecode('a+b%2Fc%C3%A9')", "a b/cé"),
        ("$util.base64Encode('héllo')", "aMOpbGxv"),
        ("$util.base64Decode('aMOpbGxv')", "héllo"),
    ],
)
def test_utilities(template: str, text: str) -> None:
    assert made(template) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        # Only null and false are false.
        ("#if('')y#{else}n#end", "y"),
        ("#if(0)y#{else}n#end", "y"),
        ("#if($nothing)y#{else}n#end", "n"),
        ("#if(!$nothing && $input.path('$.a') == 1)y#end", "y"),
        ("#if($input.params('nothing') == '')y#{else}n#end", "y"),
        ("#if($input.path('$.a') == '1')y#end", "y"),
        ("#if($nothing > 1)y#elseif('a' == 'b')z#{else}n#end", "n"),
        ("#set($a = 1)#set($a = $nothing)$a", "1"),
        ("#foreach($e in $input.path('$.list'))$foreach.index$e.x#if($foreach.hasNext),#end#end", "0p,1q"),
        ("#set($n = 0)#foreach($e in [1..3])#set($n = $n + $e)#end$n", "6"),
        ("#foreach($v in {'k': 'v'})$v#end", "v"),
        ("#set($m = {'k': 'v'})#foreach($k in $m.keySet())$k=$m.get($k)#end", "k=v"),
        ("#set($m = {})$m.put('a', 1)$m.a $m.containsKey('b')", "1 false"),
        ("""#set($q = "a""b")$q #set($s = 'a\\"b')$s""", 'a"b a\\"b'),
        ('#set($x = "b")"a$x${x}c"', '"abbc"'),
        ("$input.path('$.text').replaceAll('(t)(.)', '$2$1')", "i'ts"),
        ("$input.path('$.text').substring(1, 3).toUpperCase()", "T'"),
        ("#set($text = 'a,b,,')#set($parts = $text.split(','))$parts.size()", "2"),
        ('#set($x = "b")#set($y = "a#${x}#$x# $x")$y #$x # $x', "a#b#b# b #b # b"),
        ("## gone\nkept#* gone *#", "kept"),
        ("#set($x = 7 / 2)$x #set($y = 7 % 4)$y #set($z = 'a' + 1)$z", "3 3 a1"),
        ("a#stop b", "a"),
    ],
)
def test_the_language(template: str, text: str) -> None:
    assert made(template) == text


def test_a_template_overrides_the_answer() -> None:
    context: dict[str, Any] = {"responseOverride": {"header": {}}}
    made("#set($context.responseOverride.status = 404)#set($context.responseOverride.header.X-A = 'b')", "", context)
    assert context["responseOverride"] == {"status": 404, "header": {"X-A": "b"}}


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("$util.qr('x')", "$util.qr"),
        ("$util.time.nowISO8601()", "nowISO8601"),
        ("$input.bytes()", "$input.bytes"),
        ("$input.params('x').encode('ascii')", "encode"),
        ("#macro(a)b#end", "#macro"),
        ("#parse('x')", "#parse"),
        ("#include('x')", "#include"),
        ("#evaluate('x')", "#evaluate"),
        ("#define($a)b#end", "#define"),
        ('"#if($x.format(1))a#end"', "format"),
        ("""#set($x = "$y.format(1)")""", "format"),
        ("#foreach($k in {'k': 'v'}.keySet())$k#end", "keySet"),
        ("#if(($y.format(1)))a#end", "format"),
        ("#set($x = [$y.format(1)])", "format"),
        ("#if(", "#if"),
        ("#if(true)a", ""),
        ("#set($x)", ""),
    ],
)
def test_what_is_not_honoured_is_refused_before_it_runs_by_its_name(template: str, name: str) -> None:
    with pytest.raises(TemplateFailed) as refused:
        check_template(template)
    assert name in str(refused.value)


@pytest.mark.parametrize(
    "template",
    ["$input.path('$[')", "$input.path('$.list').get(9)", "$input.params('q').substring(9)", "$util.parseJson('{')",
     "#foreach($e in [1..1001])a#end", "$input.path('$.text').replaceAll('(', '')"],
)  # fmt: skip
def test_what_fails_says_so(template: str) -> None:
    check_template(template)
    with pytest.raises(TemplateFailed):
        made(template)


def test_nothing_of_python_can_be_reached() -> None:
    for name in ("__class__", "methods", "_parameters", "body.__class__"):
        try:
            check_template(f"$input.{name}")
        except TemplateFailed:
            continue
        assert "object" not in made(f"$input.{name}", "")


@given(st.text())
def test_what_is_escaped_is_one_string_of_json(text: str) -> None:
    escaped = escape_java_script(text).replace("\\'", "'")
    assert json.loads(f'"{escaped}"').encode("utf-16", "surrogatepass") == text.encode("utf-16", "surrogatepass")


@given(st.text(alphabet="$#{}()!.\\\"'@abcinputs \n"))
def test_what_a_caller_sends_is_never_run(text: str) -> None:
    assert mapped("[$input.params('p')]", "", {"path": {"p": text}}, {}, {}) == f"[{text}]"
