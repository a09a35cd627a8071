#!/bin/sh
# Makes a venv and fills it from a lock, every file checked against its hash, then links the project into it.
set -eu
python=${1:?usage: make/venv.sh PYTHON VENV LOCK} venv=$2 lock=$3

refuse() {
    printf 'set-up: %s\nNothing was changed. Next: %s\n' "$1" "$2" >&2
    exit 1
}

command -v "$python" >/dev/null ||
    refuse "there is no '$python' here." "sudo apt install python3 python3-venv"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    refuse "'$python' is $("$python" --version 2>&1), and Lantaarn needs 3.11 or newer." \
        "make PYTHON=python3.11 (or 3.12, 3.13), or install a newer one"

if ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        refuse "'$python' cannot make virtual environments." "sudo apt install python3-venv"
    echo "set-up: making $venv (about a minute, the first time)" >&2
    "$python" -m venv --clear "$venv"
fi

pip() {
    "$venv/bin/python" -m pip --disable-pip-version-check --no-input --quiet "$@"
}
echo "set-up: installing $lock into $venv" >&2
pip install --require-hashes --no-deps --requirement "$lock" ||
    refuse "could not install $lock (see above)." "check the network, then run the same make again"
pip install --no-deps --no-build-isolation --editable .
