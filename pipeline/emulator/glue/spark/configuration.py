"""Spark's settings in the embedded AWS: what a Glue job's parameters give on AWS, and what suits a small machine."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from pipeline.core.errors import Misconfigured
from pipeline.emulator.gateway.actions import JVM

CATALOG = "glue_catalog"
SLOTS = 2
MEMORY_MB = 2048

# What spark-submit adds on Java 17 (JavaModuleOptions): `java` is started directly, without its launcher JVM.
_OPENED = (
    "java.base/java.lang",
    "java.base/java.lang.invoke",
    "java.base/java.lang.reflect",
    "java.base/java.io",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.base/sun.nio.cs",
    "java.base/sun.security.action",
    "java.base/sun.util.calendar",
    "java.security.jgss/sun.security.krb5",
)


def spark_configuration(endpoint: str, region: str, scratch: Path) -> dict[str, str]:
    """Every `spark.*` setting of the JVM; a job's SparkSession starts with them and may add to them."""
    return {
        "spark.master": f"local[{SLOTS}]",
        "spark.app.name": "sluice",
        "spark.log.level": "WARN",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": str(SLOTS),
        "spark.default.parallelism": str(SLOTS),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        # Whoever speaks to the driver's and the block manager's ports proves a secret, which Spark makes for itself
        # where the master is local and which never leaves the JVM.
        "spark.authenticate": "true",
        "spark.network.crypto.enabled": "true",
        "spark.network.crypto.saslFallback": "false",
        "spark.local.dir": str(scratch),
        # Else what S3A is about to upload stands in a folder of /tmp whose name everybody knows, and may make first.
        "spark.hadoop.hadoop.tmp.dir": str(scratch / "hadoop"),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        # Arrow writes dates as they are; without it Spark refuses those before 1582.
        "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        **_s3a(endpoint, region),
        **_glue_catalog(endpoint, region),
    }


def _s3a(endpoint: str, region: str) -> dict[str, str]:
    """Jobs say `s3://`, which is EMRFS or S3A on Glue and S3A here."""
    settings = {
        "endpoint": endpoint,
        "endpoint.region": region,
        "path.style.access": "true",
        "connection.ssl.enabled": "false",
        # As AWS_SDK_UA_APP_ID, which this SDK does not know: who calls.
        "user.agent.prefix": f"app/{JVM}",
        "aws.credentials.provider": "com.amazonaws.auth.EnvironmentVariableCredentialsProvider",
        # Zero saves a HeadBucket a context.
        "bucket.probe": "0",
        # Columnar files are read in ranges; the default would read on to the end of the file.
        "experimental.input.fadvise": "random",
    }
    return {
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        **{f"spark.hadoop.fs.s3a.{name}": value for name, value in settings.items()},
    }


def _glue_catalog(endpoint: str, region: str) -> dict[str, str]:
    prefix = f"spark.sql.catalog.{CATALOG}"
    settings = {
        "catalog-impl": "org.apache.iceberg.aws.glue.GlueCatalog",
        "io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        "client.region": region,
        "glue.endpoint": endpoint,
        "s3.endpoint": endpoint,
        "s3.path-style-access": "true",
    }
    return {prefix: "org.apache.iceberg.spark.SparkCatalog"} | {f"{prefix}.{n}": v for n, v in settings.items()}


def class_path(jars: Sequence[Path]) -> list[str]:
    """Spark's own jars, and these."""
    return [f"{_spark_home()}/jars/*", *map(str, jars)]


def java_command(
    java: str, jars: Sequence[Path], settings: dict[str, str], scratch: Path, options: Sequence[str] = ()
) -> list[str]:
    """The command of a JVM, with more options of Java's, that serves py4j and ends when its stdin does.

    Compiling with C1 only and collecting with one thread halve the start of jobs as small as a laptop's. Jars on the
    class path, unlike `spark.jars`, are not copied for every context.
    """
    opened = [f"--add-opens={package}=ALL-UNNAMED" for package in _OPENED]
    return [
        java,
        *options,
        *opened,
        "-Djdk.reflect.useDirectMethodHandle=false",
        "-XX:+IgnoreUnrecognizedVMOptions",
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        f"-Xmx{MEMORY_MB}m",
        "-Xss4m",
        "-Duser.timezone=UTC",
        f"-Djava.io.tmpdir={scratch}",
        *(f"-D{name}={value}" for name, value in settings.items()),
        "-cp",
        ":".join(class_path(jars)),
        "org.apache.spark.api.python.PythonGatewayServer",
    ]


def _spark_home() -> Path:
    # Found without importing it: pyspark costs a third of a second that the supervisor need not pay.
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise Misconfigured("pyspark is not installed", hint="Install the extra: pip install 'sluice[spark]'.")
    return Path(spec.origin).parent
