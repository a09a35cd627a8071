#!/bin/sh
# Runs the suite once more on Python 3.13, what Raspberry Pi OS trixie has, where an interpreter is found.
set -eu
first=${1:?usage: make/second.sh PYTHON MARKERS [PYTEST ARGUMENT...]} markers=$2
shift 2

is_313() {
    "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1
}
if is_313 "$first"; then
    echo "*** The suite has run on Python 3.13 already: .venv is made with it." >&2
    exit 0
fi
for python in python3.13 "$HOME"/.pyenv/versions/3.13*/bin/python /usr/local/bin/python3.13; do
    is_313 "$python" || continue
    # One line a stamp: the lock, the project and the tool that installs them.
    want=$(cat requirements/dev.txt pyproject.toml make/venv.sh | cksum)
    if [ "$want" != "$(cat .venv-313/.dev 2>/dev/null)" ]; then
        make/venv.sh "$python" .venv-313 requirements/dev.txt >&2
        echo "$want" >.venv-313/.dev
    fi
    echo "*** Once more, on $(.venv-313/bin/python --version):" >&2
    exec .venv-313/bin/pytest -p no:cacheprovider -m "$markers" "$@"
done
printf '\n*** No Python 3.13 was found: the suite has NOT been run on it.\n\n' >&2
