# shellcheck shell=bash
# Sourced: builds the Docker context in $work, which is removed at the end.
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build TAG - the host's network, since it is the one that is known to reach the package mirrors.
build() { retry quietly env DOCKER_BUILDKIT=0 docker build --network host -t "$1" "$work"; }
