#!/bin/sh
# Installs the Debian packages the tests use: only what is missing, only as root. Otherwise it names the one command, and
# the tests that need them are skipped with a reason.
set -eu
missing=
for package in "$@"; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

warn() {
    printf '\n*** %s\n*** The tests that need them will be SKIPPED. To run them too:\n***   %s\n\n' "$1" \
        "sudo apt-get update && sudo apt-get install -y --no-install-recommends$missing" >&2
    exit 0
}
command -v apt-get >/dev/null || warn "This is not Debian; missing:$missing."
[ "$(id -u)" = 0 ] || warn "Missing Debian packages:$missing."
echo "set-up: installing Debian's$missing" >&2
export DEBIAN_FRONTEND=noninteractive
# A broker among them must not begin to serve port 1883: the tests start their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy
fi
# shellcheck disable=SC2086  # a list of words
{ apt-get -qq update && apt-get -qq install -y --no-install-recommends $missing; } >&2 ||
    warn "Could not install:$missing."
case "$missing" in
*mosquitto*) [ ! -d /run/systemd/system ] || systemctl --quiet disable mosquitto ;;
esac
