"""The demo's files: small, the same each time, and each an example of one thing that the lake does."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OrderRow = tuple[str, str, str, str, str, str, str]

ORDER_COLUMNS = ("order_id", "customer_id", "ordered_at", "item", "quantity", "price", "status")
_ITEMS = (("lamp", "39.90"), ("chair", "120.00"), ("kettle", "24.50"), ("desk", "310.00"), ("rug", "89.95"))
_STATUSES = ("placed", "paid", "shipped", "returned")
_PEOPLE: Sequence[tuple[str, str, str, str, list[str]]] = (
    ("Ada Byron", "12 St James's Square", "01234", "London", ["engines", "music"]),
    ("Grace Murray", "1 Navy Yard", "10001", "New York", ["compilers"]),
    ("Zoë Müller", "Gasse 7", "06108", "Halle", []),
    ("Alan Mathison", "2 Warrington Crescent", "00091", "London", ["running"]),
    ("Katherine Coleman", "5 Langley Road", "23681", "Hampton", ["orbits"]),
    ("Hedy Kiesler", "3 Peter-Jordan-Straße", "01190", "Wien", ["film", "radio"]),
)


@dataclass(frozen=True, slots=True)
class Samples:
    """The path of each file. Orders go to demo/orders, returns to demo/returns, the others to demo/customers."""

    customers: Path
    """Six customers, all good."""
    customers_changed: Path
    """Two of them with other addresses, and a new one: dropped later, its rows replace theirs."""
    orders: Path
    """Twenty orders, all good."""
    orders_compressed: Path
    """Twenty more, as gzip."""
    orders_with_bad_rows: Path
    """Twelve orders, and four rows that violate the contract: `BAD_ROWS`."""
    orders_truncated: Path
    """A truncated gzip file, which cannot be read at all."""
    orders_breaking_rules: Path
    """Eight orders that can be read but break the rules: an unknown status, and quantities below one."""
    returns: Path
    """Three returns: two of orders of the first file, and one of an order that nobody knows."""


BAD_ROWS: Sequence[Sequence[str]] = (
    ("O-2101", "C-1", "2025-03-04T10:00:00Z", "lamp", "three", "39.90", "paid"),
    ("O-2102", "C-2", "31/03/2025", "chair", "1", "120.00", "paid"),
    ("O-2103", "C-3", "2025-03-04T10:02:00Z", "rug", "1", "89.955", "placed"),
    ("O-2104", "C-4", "2025-03-04T10:03:00Z", "desk"),
)
"""Not an integer; not a timestamp; too many digits for the price; too few cells."""


RETURN_COLUMNS = ("order_id", "returned_at", "reason")
RETURNS: Sequence[Sequence[str]] = (
    ("O-1001", "2025-04-01T09:00:00Z", "too bright"),
    ("O-1004", "2025-04-02T10:30:00Z", "too small"),
    ("O-9999", "2025-04-02T11:00:00Z", "of another shop"),
)
"""The last one's order is not there: the transform leaves it out."""


def write_samples(folder: Path) -> Samples:
    """Write the demo's files into `folder`."""
    bad = [*orders(2001, 12), *BAD_ROWS]
    broken = [(*row[:4], "-1", row[5], "teleported" if n % 2 else row[6]) for n, row in enumerate(orders(3001, 8))]
    packed = _gzip(_csv(orders(4001, 200)))
    return Samples(
        customers=_write(folder, "customers-1.jsonl", _json_lines(customers())),
        customers_changed=_write(folder, "customers-2.jsonl", _json_lines(changed_customers())),
        orders=_write(folder, "orders-1.csv", _csv(orders(1001, 20))),
        orders_compressed=_write(folder, "orders-2.csv.gz", _gzip(_csv(orders(1101, 20)))),
        orders_with_bad_rows=_write(folder, "orders-with-bad-rows.csv", _csv(bad)),
        orders_truncated=_write(folder, "orders-truncated.csv.gz", packed[: len(packed) // 2]),
        orders_breaking_rules=_write(folder, "orders-breaking-rules.csv", _csv(broken)),
        returns=_write(folder, "returns.csv", _csv(RETURNS, RETURN_COLUMNS)),
    )


def orders(first: int, count: int) -> list[OrderRow]:
    """Good orders, numbered from `first`."""
    return [_order(number) for number in range(first, first + count)]


def _order(number: int) -> OrderRow:
    item, price = _ITEMS[number % len(_ITEMS)]
    customer = f"C-{number % len(_PEOPLE) + 1}"
    at = f"2025-03-{number % 28 + 1:02}T{number % 24:02}:{number % 60:02}:00Z"
    return (f"O-{number}", customer, at, item, str(number % 3 + 1), price, _STATUSES[number % len(_STATUSES)])


def customers() -> list[dict[str, Any]]:
    """The six customers of the first file."""
    return [_customer(number, *person) for number, person in enumerate(_PEOPLE, 1)]


def changed_customers() -> list[dict[str, Any]]:
    """The second and the third have moved, and a seventh has come, without an e-mail address."""
    second, third = customers()[1:3]
    second["address"] = {"street": "9 Cobol Lane", "postcode": "02138", "city": "Cambridge"}
    third["address"] = {"street": "Ring 1", "postcode": "04109", "city": "Leipzig"}
    new = _customer(7, "Mary Somerville", "4 High Street", "KY3 9", "Burntisland", ["stars"])
    del new["email"]
    return [second, third, new]


def _customer(number: int, name: str, street: str, postcode: str, city: str, interests: list[str]) -> dict[str, Any]:
    return {
        "customer_id": f"C-{number}",
        "name": name,
        "email": f"{name.split()[0].lower()}@example.org",
        "since": f"2024-0{number}-15",
        "address": {"street": street, "postcode": postcode, "city": city},
        "interests": interests,
    }


def _csv(rows: Iterable[Sequence[str]], columns: Sequence[str] = ORDER_COLUMNS) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


def _json_lines(records: Iterable[dict[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(record, ensure_ascii=False)}\n" for record in records).encode()


def _gzip(content: bytes) -> bytes:
    # Without a time in the header, so that each demo has the same file.
    return gzip.compress(content, mtime=0)


def _write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path
