#!/usr/bin/env bash
# schema-sync.sh [OPTION...] - makes the database as the SQL files say: generates, plans, proves, shows, asks, applies, verifies.
# A wrapper of `schemaproof sync`, which reads .env of the current directory; its options are that command's (`--help` lists them).
set -euo pipefail

if command -v schemaproof >/dev/null; then
  exec schemaproof sync "$@"
fi
manifest=$(dirname "${BASH_SOURCE[0]}")/../Cargo.toml
if [[ -f $manifest ]] && grep -q '^name = "schemaproof"' "$manifest"; then
  exec cargo run --quiet --manifest-path "$manifest" -- sync "$@"
fi
echo 'schema-sync.sh: schemaproof is not on PATH; install it, for instance with cargo install schemaproof' >&2
exit 1
