#!/bin/sh
# Pins every dependency by version and hash. The files hold names, versions and hashes and no address, so that a city
# may install from any index or mirror it trusts. dev.txt is resolved first and binds the others: one version of each.
set -eu
uv=${1:?usage: make/lock.sh UV [--upgrade]}
shift
upgrade=$*

lock() {
    out=$1
    shift
    echo "lock: $out" >&2
    # shellcheck disable=SC2086  # --upgrade or nothing
    "$uv" --no-config --quiet pip compile --universal --python-version 3.11 --generate-hashes --no-annotate \
        --no-header --no-emit-index-url --no-emit-find-links --output-file "$out" $upgrade "$@"
}

lock requirements/dev.txt pyproject.toml --extra dev --group build
lock requirements/office.txt pyproject.toml --extra office --group build --constraints requirements/dev.txt
lock requirements/node.txt pyproject.toml --constraints requirements/dev.txt
lock requirements/mutants.txt pyproject.toml --extra dev --group build --group mutants --constraints requirements/dev.txt

# Other people's drivers: only what their bus-facing code imports, and only pure Python, so that one copy serves every
# interpreter. What is compiled or heavy comes from the venv (cryptography, typer) or is for hardware we do not have.
without=
for name in argparse lgpio sysv-ipc pyftdi pyusb binho-host-adapter adafruit-pureio adafruit-circuitpython-requests \
    adafruit-circuitpython-connectionmanager requests certifi idna urllib3 charset-normalizer cryptography cffi \
    pycparser typer typer-slim rich markdown-it-py mdurl pygments shellingham click annotated-doc annotated-types \
    pydantic pydantic-core typing-inspection typing-extensions setuptools lark; do
    without="$without --no-emit-package $name"
done
# shellcheck disable=SC2086  # a list of words
lock requirements/oracles-a.txt --group oracles-a $without
# shellcheck disable=SC2086
lock requirements/oracles-b.txt --group oracles-b $without
