#!/usr/bin/env bash
# Compiles packages ahead with Apple's compiler, so that an app or a program loads them faster.
#   scripts/apple/compile.sh MODEL.mlpackage|MODEL.mlmodel|FOLDER [OUTPUT_FOLDER]
#     [--platform macOS|iOS] [--deployment-target VERSION] [--dry-run]
# A folder: each package in it. The results, X.mlmodelc, stand in OUTPUT_FOLDER (default: beside the
# package). --dry-run prints the commands. Exit: 0 done, 1 the compiler refused, 2 wrong arguments, 3 no Mac.
set -euo pipefail
fail() { printf 'compile.sh: %s\n' "$2" >&2; exit "$1"; }

source=''
output=''
platform=''
target=''
dry=false
while [ $# -gt 0 ]; do
  case "$1" in
    --platform|--deployment-target)
      [ $# -gt 1 ] || fail 2 "$1 wants a value"
      if [ "$1" = --platform ]; then platform=$2; else target=$2; fi
      shift ;;
    --platform=*) platform=${1#*=} ;;
    --deployment-target=*) target=${1#*=} ;;
    --dry-run) dry=true ;;
    -h|--help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) fail 2 "unknown flag $1" ;;
    *)
      if [ -z "$source" ]; then source=${1%/}; elif [ -z "$output" ]; then output=${1%/}
      else fail 2 "unexpected argument $1"; fi ;;
  esac
  shift
done
[ -n "$source" ] || fail 2 "name a package or a folder of packages"
[ -e "$source" ] || fail 2 "$source does not exist"
case "$platform" in ''|macOS|iOS) ;; *) fail 2 "--platform is macOS or iOS, not $platform" ;; esac

case "$source" in
  *.mlpackage|*.mlmodel) packages=("$source"); default=$(dirname "$source") ;;
  *)
    [ -d "$source" ] || fail 2 "$source is neither a package nor a folder"
    shopt -s nullglob
    packages=("$source"/*.mlpackage "$source"/*.mlmodel)
    default=$source ;;
esac
[ "${#packages[@]}" -gt 0 ] || fail 2 "$source holds no package"
output=${output:-$default}

if ! $dry; then
  command -v xcrun >/dev/null || fail 3 "xcrun is not here: this needs a Mac with Xcode's command line tools"
  mkdir -p "$output"
fi
for package in "${packages[@]}"; do
  command=(xcrun coremlcompiler compile "$package" "$output")
  [ -z "$platform" ] || command+=(--platform "$platform")
  [ -z "$target" ] || command+=(--deployment-target "$target")
  printf '%s\n' "${command[*]}"
  $dry || "${command[@]}" || fail 1 "the compiler refused $package"
done
