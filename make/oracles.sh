#!/bin/sh
# Unpacks other people's drivers, each set by itself, outside the venv: they contradict each other, and must never ship.
set -eu
python=${1:?usage: make/oracles.sh PYTHON DIRECTORY} directory=$2
for set in a b; do
    echo "set-up: unpacking requirements/oracles-$set.txt into $directory/$set" >&2
    rm -rf "${directory:?}/$set"
    "$python" -m pip --disable-pip-version-check --no-input --quiet install --require-hashes --no-deps \
        --no-build-isolation --use-pep517 --target "$directory/$set" --requirement "requirements/oracles-$set.txt"
done
