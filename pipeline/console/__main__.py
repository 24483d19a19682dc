"""`python -m pipeline.console`: serves the console of one lake until it receives SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import logging
import socket

from pipeline.console.server import serve
from pipeline.core.errors import Misconfigured
from pipeline.core.settings import lake_key
from pipeline.operate.connection import Connected, connect


def main() -> None:
    """Serve the lake that the arguments name on a socket that the parent process opened.

    `Misconfigured` if the environment has no key of an embedded lake.
    """
    arguments = argparse.ArgumentParser(description="Serve the console of one embedded lake.")
    arguments.add_argument("--endpoint", required=True)
    arguments.add_argument("--region", required=True)
    arguments.add_argument("--env", required=True)
    arguments.add_argument("--socket", type=int, required=True, help="The descriptor of a listening socket.")
    given = arguments.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")

    def find_lake() -> Connected:
        return connect(given.env, endpoint=given.endpoint, region=given.region)

    key = lake_key()
    if key is None:
        raise Misconfigured("there is no key of an embedded lake", hint="The lake starts its console itself.")
    serve(find_lake, socket.socket(fileno=given.socket), allow_changes=True, token=key.console_token())


if __name__ == "__main__":
    main()
