"""The last word on a ruleset before it is used: AWS's own DQDL parser, run in a small JVM of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pipeline.core.errors import Misconfigured
from pipeline.lake.quality.dqdl import normal, parse
from pipeline.lake.quality.lint import Problem, check_ruleset, errors_in
from pipeline.lake.quality.model import plain_rules
from pipeline.toolchain.jars import deequ_jars
from pipeline.toolchain.java import java_home

# What the parser needs of the jars that pyspark brings.
_FROM_PYSPARK = ("py4j-", "antlr4-runtime-", "slf4j-api-", "jackson-core-2", "jackson-databind-", "jackson-annot")


class Rulesets:
    """Checks rulesets. The JVM starts with the first one that needs it (0.4 s) and ends with `stop` or the process.

    `jars` are Deequ's, `java` is a JAVA_HOME; both are found, and fetched if need be, when they are not given. `parsed`
    are the texts that AWS's parser has taken before: it is not asked about them again.
    """

    def __init__(
        self, jars: Sequence[Path] | None = None, java: Path | None = None, *, parsed: Collection[str] = ()
    ) -> None:
        self._jars = jars
        self._java = java
        self._parsed_before = frozenset(parsed)
        self._gateway: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End the JVM; harmless when there is none."""
        gateway, self._gateway = self._gateway, None
        if gateway:
            with contextlib.suppress(Exception):
                gateway.shutdown()
            gateway.java_process.stdin.close()
            gateway.java_process.wait()

    def check(self, text: str, columns: Mapping[str, str] | None = None) -> list[Problem]:
        """As `check_ruleset`, and what AWS's parser and Java's regular expressions say about what passes that."""
        found = check_ruleset(text, columns)
        if errors_in(found) or text in self._parsed_before:
            return found
        with _errors_as_java_says_them():
            return [*found, *self._parsed(text)]

    def _parsed(self, text: str) -> list[Problem]:
        from py4j.protocol import Py4JJavaError

        java = self._jvm()
        try:
            java.software.amazon.glue.dqdl.parser.DQDLParser().parse(normal(text))
        except Py4JJavaError as error:
            return [Problem(None, None, f"this is not DQDL: {error.java_exception.getMessage()}")]
        found = []
        for rule in (plain for each in parse(text).rules for plain in plain_rules(each)):
            if rule.condition and rule.condition.operator == "matches":
                try:
                    java.java.util.regex.Pattern.compile(rule.condition.operands[0].value)
                except Py4JJavaError as error:
                    message = str(error.java_exception.getMessage()).partition("\n")[0]
                    found.append(Problem(rule.text, rule.line, f"the pattern is no regular expression: {message}"))
        return found

    def _jvm(self) -> Any:
        if self._gateway is None:
            self._gateway = _launch(self._jars or deequ_jars(), self._java or java_home())
        return self._gateway.jvm


@contextlib.contextmanager
def _errors_as_java_says_them() -> Iterator[None]:
    """Spark, once started in a process, puts in py4j how it reads errors: it asks its own JVM about those of any."""
    from py4j import java_gateway, protocol

    before, java_gateway.get_return_value = java_gateway.get_return_value, protocol.get_return_value
    try:
        yield
    finally:
        java_gateway.get_return_value = before


def _launch(jars: Sequence[Path], java: Path) -> Any:
    try:
        import pyspark
    except ImportError:
        hint = "Install the extra: pip install 'sluice[spark]'."
        raise Misconfigured("pyspark, which brings the parser of rulesets, is not installed", hint=hint) from None
    from py4j.java_gateway import JavaGateway

    spark_jars = (Path(pyspark.__file__).parent / "jars").glob("*.jar")
    needed = [jar for jar in spark_jars if jar.name.startswith(_FROM_PYSPARK)]
    own = next(jar for jar in needed if jar.name.startswith("py4j-"))
    return JavaGateway.launch_gateway(
        jarpath=str(own),
        classpath=":".join(str(jar) for jar in (*jars, *needed)),
        javaopts=["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"],
        java_path=str(java / "bin" / "java"),
        die_on_exit=True,
        enable_auth=True,
    )
