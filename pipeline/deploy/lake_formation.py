"""What an account's Lake Formation has against a lake, found before anything is made. It changes nothing.

An account grants its new databases and tables to the group IAM_ALLOWED_PRINCIPALS, by which IAM alone decides, until
somebody takes that away (Lake Formation Developer Guide, "Changing the default settings for your data lake"). Then a
table is open to whoever made it, and to nobody else whom it is not granted to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

EVERYBODY = "IAM_ALLOWED_PRINCIPALS"
"""Whoever IAM allows to."""

_SET_ON = (
    "Set it on (`sluice … settings set lake-formation on`), so that the stacks grant what the lake needs, and name the "
    "stack role a data lake administrator; or grant new databases and tables to IAM_ALLOWED_PRINCIPALS again. "
    "See docs/deploying.md, Lake Formation."
)
_NAME_IT = (
    "A data lake administrator adds it (Lake Formation, Administrative roles and tasks). "
    "See docs/deploying.md, Lake Formation."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is in the way, or could not be seen, and what to do. `stops`: a first deployment would end in failures."""

    text: str
    hint: str
    stops: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """Of which lake it is asked.

    `uses`: the stacks register the lake and grant what it needs. `databases` are the Glue databases of its teams,
    whether they are there or not; `stack_role` is the ARN of the role that makes the stacks, `caller` of who deploys,
    empty where nobody does yet; `deployers` are the ARNs of roles to which the stacks grant what deploying takes.
    """

    uses: bool
    stack_role: str
    databases: Sequence[str]
    caller: str = ""
    deployers: Sequence[str] = ()


def findings(formation: Any, glue: Any, asked: Question) -> list[Finding]:
    """Ask Lake Formation and the catalog. What may not be read is a finding: it is not taken for good.

    Needs `lakeformation:GetDataLakeSettings`, `glue:GetDatabase`, and for databases that are there
    `lakeformation:ListPermissions`.
    """
    try:
        settings = formation.get_data_lake_settings()["DataLakeSettings"]
    except (ClientError, BotoCoreError) as error:
        return [_unseen(error)]
    if asked.uses:
        admins = [each["DataLakePrincipalIdentifier"] for each in settings.get("DataLakeAdmins", [])]
        found, look = _of_administrators(admins, asked), _of_caller(formation, admins, asked)
    else:
        standing = _standing(glue, asked.databases)
        found, look = (
            _of_defaults(settings, is_first=not standing),
            _of_databases(standing, _is_open_by(formation)),
        )
    certain = list(found)
    try:
        return certain + list(look)
    except (ClientError, BotoCoreError) as error:
        return [*certain, _unseen(error)]


def _unseen(error: Exception) -> Finding:
    return Finding(
        f"could not be looked at: {error}",
        "Whether tables that this lake makes are open to its jobs and functions is not known: who deploys needs "
        "lakeformation:GetDataLakeSettings and lakeformation:ListPermissions.",
    )


def _of_administrators(admins: Sequence[str], asked: Question) -> Iterator[Finding]:
    if asked.stack_role not in admins:
        yield Finding(
            f"{asked.stack_role} is not a data lake administrator, so the stacks' grants would be refused",
            _NAME_IT,
            stops=True,
        )


def _of_caller(formation: Any, admins: Sequence[str], asked: Question) -> Iterator[Finding]:
    """Whoever deploys makes databases and tables, as an administrator or by grants."""
    caller = role_name(asked.caller)
    if not caller or caller in map(role_name, admins):
        return
    granted = next((arn for arn in asked.deployers if role_name(arn) == caller), None)
    if granted is None:
        yield Finding(
            f"{asked.caller} is no data lake administrator, and the stacks grant it nothing: it may be refused to make "
            "databases and tables",
            _NAME_IT,
        )
        return
    principal = {"DataLakePrincipalIdentifier": granted}
    answer = formation.list_permissions(Principal=principal, Resource={"Catalog": {}})
    if not any("CREATE_DATABASE" in each["Permissions"] for each in answer["PrincipalResourcePermissions"]):
        yield Finding(
            f"{granted} is not to be seen to have CREATE_DATABASE: the database of a new team may be refused",
            "A data lake administrator grants it: aws lakeformation grant-permissions --permissions CREATE_DATABASE "
            f"--resource '{{\"Catalog\": {{}}}}' --principal DataLakePrincipalIdentifier={granted}",
        )


def _of_defaults(settings: Mapping[str, Any], *, is_first: bool) -> Iterator[Finding]:
    closed = [
        what
        for what, name in (
            ("databases", "CreateDatabaseDefaultPermissions"),
            ("tables", "CreateTableDefaultPermissions"),
        )
        if not _names_everybody(settings.get(name, []))
    ]
    if closed:
        yield Finding(
            f"new {' and '.join(closed)} of this account are not granted to {EVERYBODY}, and lake-formation is off: "
            "the lake's jobs and functions would be refused each new table, and its first batch would fail",
            _SET_ON,
            stops=is_first,
        )


def _of_databases(standing: Mapping[str, Mapping[str, Any]], is_open: Callable[[str], bool]) -> Iterator[Finding]:
    # A database keeps what new tables of it are granted to from when it was made.
    shut = [
        name
        for name, database in standing.items()
        if not _names_everybody(database.get("CreateTableDefaultPermissions", [{}])) or not is_open(name)
    ]
    if shut:
        yield Finding(
            f"{', '.join(shut)}: no grant to {EVERYBODY} is to be seen, and lake-formation is off: the lake's jobs and "
            "functions may be refused its tables",
            _SET_ON,
        )


def _standing(glue: Any, databases: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """Those that are there and may be seen: Lake Formation denies what is not there to whom nothing is granted."""
    found = {}
    for name in databases:
        try:
            found[name] = glue.get_database(Name=name)["Database"]
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("EntityNotFoundException", "AccessDeniedException"):
                raise
    return found


def _is_open_by(formation: Any) -> Callable[[str], bool]:
    def is_open(database: str) -> bool:
        """Lake Formation tells a caller that is no administrator only what it may know."""
        answer = formation.list_permissions(
            Principal={"DataLakePrincipalIdentifier": EVERYBODY}, Resource={"Database": {"Name": database}}
        )
        return any("ALL" in each["Permissions"] for each in answer["PrincipalResourcePermissions"])

    return is_open


def _names_everybody(defaults: Iterable[Mapping[str, Any]]) -> bool:
    """Whether default permissions name everybody; a catalog that tells none of a database (`{}`) is let pass."""
    return any(
        not each or each.get("Principal", {}).get("DataLakePrincipalIdentifier") == EVERYBODY for each in defaults
    )


def role_name(arn: str) -> str:
    """The role of an ARN: of the role itself, which has its path, or of a session of it, which has not."""
    parts = arn.rpartition(":")[2].split("/")
    return parts[1] if parts[0] == "assumed-role" and len(parts) > 1 else parts[-1]
