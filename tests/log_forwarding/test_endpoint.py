"""Which endpoints events are sent to, by URL and by address."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.core.errors import Misconfigured, Transient
from pipeline.log_forwarding.endpoint import Endpoint, addresses, endpoint_of

SECRET = "k3y"


def resolving(*found: str) -> Any:
    return lambda host, port: [(None, None, 6, "", (each, port)) for each in found]


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://logs.example.org", Endpoint("logs.example.org", 443, "/")),
        ("https://logs.example.org:8443/in/a?b=c&d=e", Endpoint("logs.example.org", 8443, "/in/a?b=c&d=e")),
        ("https://[2001:db8::1]/", Endpoint("2001:db8::1", 443, "/")),
        ("HTTPS://Logs.example.org/", Endpoint("logs.example.org", 443, "/")),
    ],
)
def test_a_url_is_taken_apart(url: str, endpoint: Endpoint) -> None:
    assert endpoint_of(url, is_embedded=False) == endpoint


@pytest.mark.parametrize("is_embedded", [True, False])
@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://logs.example.org/?k3y", "not https://"),
        ("http://localhost/?k3y", "not https://"),
        ("ftp://logs.example.org/?k3y", "not https://"),
        ("https://me:k3y@logs.example.org/", "name or a password"),
        ("https://k3y@logs.example.org/", "name or a password"),
        ("https:///k3y", "no URL of a host"),
        ("logs.example.org/k3y", "no URL of a host"),
        ("https://logs.example.org/#k3y", "no URL of a host"),
        ("https://logs.example.org/k3y\r\nX: y", "no URL of a host"),
        ("https://logs.example.org/k3y y", "no URL of a host"),
        ("https://logs.example.org:99999/k3y", "no URL"),
        ("https://[::1/k3y", "no URL"),
    ],
)
def test_another_url_is_refused_without_being_quoted(url: str, complaint: str, is_embedded: bool) -> None:
    with pytest.raises(Misconfigured, match=complaint) as refused:
        endpoint_of(url, is_embedded=is_embedded)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",  # the metadata of EC2
        "169.254.170.2",  # the credentials of ECS
        "fd00:ec2::254",
        "fe80::1%eth0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "255.255.255.255",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
    ],
)
@pytest.mark.parametrize("is_embedded", [True, False])
def test_an_address_that_is_not_public_is_refused_whatever_its_name(address: str, is_embedded: bool) -> None:
    where = endpoint_of("https://logs.example.org/", is_embedded=is_embedded)
    with pytest.raises(Misconfigured, match="not a public one"):
        addresses(where, resolving("93.184.215.14", address))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_is_an_endpoint_of_an_embedded_lake_alone(address: str) -> None:
    assert addresses(endpoint_of("https://localhost/", is_embedded=True), resolving(address)) == [address]
    with pytest.raises(Misconfigured, match="not a public one"):
        addresses(endpoint_of("https://localhost/", is_embedded=False), resolving(address))


def test_public_addresses_are_tried_in_their_order_and_once() -> None:
    where = endpoint_of("https://logs.example.org/", is_embedded=False)
    found = ["2606:2800:21f:cb07:6820:80da:af6b:8b2c", "93.184.215.14"]
    assert addresses(where, resolving(*found, *found)) == found


def test_a_name_that_is_not_known_now_may_be_later() -> None:
    def unknown(host: str, port: int) -> Any:
        raise OSError("no such name")

    with pytest.raises(Transient, match=r"logs\.example\.org is not found"):
        addresses(endpoint_of("https://logs.example.org/", is_embedded=False), unknown)
