#!/bin/sh
# Makes .venv from requirements.lock, with any Python 3.11 or 3.12 there is. Prints what it wants when it cannot.
set -eu

fail() {
    printf 'set-up stopped: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '  %s\n' "$line" >&2; done
    exit 1
}

[ "$(uname -s)" = Linux ] || fail "Sluice's embedded lake runs on Linux only." \
    "AWS's Lambda runtime client, which it runs functions with, has no other wheels."

python=
for candidate in "${PYTHON:-python3}" python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || fail "no Python 3.11 or 3.12 on the path." "Name one: make PYTHON=/path/to/python3.12 …"

if [ ! -x .venv/bin/pip ]; then
    echo "making .venv with $("$python" --version)"
    "$python" -m venv .venv || fail "$python cannot make a virtual environment." \
        "On Debian and Ubuntu its venv module is a package of its own: python3-venv."
fi

no_network() {
    fail "the packages of requirements.lock could not be fetched (see above)." \
        "They come from the package index that pip is set up for: PIP_INDEX_URL and UV_INDEX_URL name another." \
        "Without a network, put the files that requirements.lock lists into a folder and set" \
        "PIP_FIND_LINKS=<folder> PIP_NO_INDEX=1 UV_FIND_LINKS=<folder> UV_NO_INDEX=1." \
        "The jars are fetched later, and say themselves where to put them."
}

echo "installing the packages of requirements.lock (the first time takes a minute or two)"
awk '/^uv==/ {found = 1} found {print} found && !/\\$/ {exit}' requirements.lock >.venv/uv.lock
.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock || no_network
VIRTUAL_ENV="$PWD/.venv" .venv/bin/uv --no-config pip sync --require-hashes requirements.lock || no_network
VIRTUAL_ENV="$PWD/.venv" .venv/bin/uv --no-config pip install --quiet --no-deps --no-build-isolation --editable . ||
    fail "this checkout could not be installed into .venv (see above)."
# What commands and the lake import is compiled here, and by no first command; also where Python is told to write no
# bytecode, as in many container images: every command would compile it again, and take twice as long to start.
compiled() { env -u PYTHONDONTWRITEBYTECODE -u PYTHONPYCACHEPREFIX "$@"; }
compiled .venv/bin/python -c \
    'import boto3.session, pyiceberg.catalog.glue, pipeline.console.__main__, pipeline.emulator.supervisor'
compiled .venv/bin/sluice --help >/dev/null
touch .venv/ready
