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
    api=$(sed -n 's/^ready //p' "$1/github.ready" 2>/dev/null)
    [[ -z $api ]] || return 0
    sleep 0.1
  done
  cat "$log" >&2
  die 'the stand-in for GitHub was not ready in 60 s'
}

github_stop() { exec {github_hold}>&-; }

# github_get PATH - an answer of its API.
github_get() { curl -fsS --max-time 20 -H 'authorization: Bearer ghs_owner' "$api$1"; }
