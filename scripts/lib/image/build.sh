# shellcheck shell=bash
# Sourced: builds the Docker context in $work, which is removed at the end.
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build TAG
build() { retry quietly docker_build --label "$(stand_in_label)" -t "$1" "$work"; }
