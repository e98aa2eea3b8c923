# shellcheck shell=bash
# Sourced after common.sh: the stand-in for GitHub of tests/fake, for scripts.

# github_packages - downloads what the stand-in needs, once a machine. Node 24 is on PATH.
github_packages() { retry quietly bash "${top:?}/tests/fake/github.sh"; }

# github_start DIRECTORY - starts one that ends with this script; its address goes to api, its messages to DIRECTORY.
github_start() {
  local log=$1/github.log
  api=''
  # It ends when its standard input does, which is when we do.
  exec {github_hold}> >(exec bash "$top/tests/fake/github.sh" >"$1/github.ready" 2>"$log")
  local _
  for _ in $(seq 600); do
    api=$(sed -n 's/^ready //p' "$1/github.ready" 2>/dev/null) || true
    [[ -z $api ]] || return 0
    sleep 0.1
  done
  cat "$log" >&2
  die 'the stand-in for GitHub was not ready in 60 s'
}

github_stop() { exec {github_hold}>&-; }

# github_get PATH - an answer of its API.
github_get() { curl -fsS --max-time 20 -H 'authorization: Bearer ghs_owner' "$api$1"; }

# github_output FILE [NAME] - the outputs that a step wrote to FILE, as NAME=VALUE lines, or the value of one.
github_output() {
  awk -v wanted="${2:-}" '
    end == "" && /^[^=]+<<./ { name = $0; sub(/<<.*/, "", name); end = $0; sub(/^[^<]*<</, "", end); value = ""; next }
    end == "" && /^[^=]+=/ { name = $0; sub(/=.*/, "", name); value = $0; sub(/^[^=]*=/, "", value); print_it(); next }
    $0 == end { print_it(); end = ""; next }
    { value = value (value == "" ? "" : "\n") $0 }
    function print_it() { if (wanted == "") print name "=" value; else if (wanted == name) print value }' "$1"
}
