#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Uses Ferry as projects outside it do: run.sh FOLDER, with Ferry installed in FOLDER/prefix.
# Writes "passed failed skipped" to $FERRY_COUNTS. PYTHON names the interpreter (.venv's by default).
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
work=$(CDPATH='' cd -- "$1" && pwd)
prefix=$work/prefix
python=${PYTHON:-$root/.venv/bin/python}
model=$work/add_relu.onnx
cxx=${CXX:-c++} cc=${CC:-cc}
strict='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror'

passed=0 failed=0

# check NAME COMMAND...: the command's own shell keeps its `set -e`.
check() {
  name=$1
  shift
  if sh "$here/run.sh" "$work" "$@" </dev/null; then
    passed=$((passed + 1))
    echo "[ok] $name"
  else
    failed=$((failed + 1))
    echo "[FAILED] $name"
  fi
}

cmake_project() {
  rm -rf "$work/consumer"
  cmake -S "$here" -B "$work/consumer" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release
  cmake --build "$work/consumer"
  "$work/consumer/consumer" "$model"
}

example() {
  rm -rf "$work/super_resolution"
  cmake -S "$root/examples/super_resolution/cpp" -B "$work/super_resolution" \
    -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release
  cmake --build "$work/super_resolution"
  data=$root/examples/super_resolution
  [ -f "$data/srcnn.onnx" ] || { echo "no srcnn.onnx: built, not run"; return 0; }
  "$work/super_resolution/super_resolution" "$data/srcnn.onnx" "$data/input.png" "$work/output.png"
  [ -s "$work/output.png" ]
}

pkg_config() {
  pc=$(find "$prefix" -name ferry.pc)
  [ -n "$pc" ] || { echo "no ferry.pc in $prefix"; return 1; }
  PKG_CONFIG_PATH=$(dirname "$pc")
  export PKG_CONFIG_PATH
  # shellcheck disable=SC2046  # words
  "$cxx" -std=c++20 "$here/main.cpp" $(pkg-config --cflags --libs ferry) -o "$work/consumer_pc"
  LD_LIBRARY_PATH=$(pkg-config --variable=libdir ferry) "$work/consumer_pc" "$model"
}

# Each public header compiles by itself under strict warnings; the C API as C too.
headers() {
  for header in "$prefix"/include/ferry/*.h; do
    echo "#include \"ferry/$(basename "$header")\"" >"$work/header.cpp"
    # shellcheck disable=SC2086  # words
    "$cxx" -std=c++20 $strict -I "$prefix/include" -fsyntax-only "$work/header.cpp"
  done
  echo '#include "ferry/c_api.h"' >"$work/header.c"
  # shellcheck disable=SC2086  # words
  "$cc" -std=c11 $strict -I "$prefix/include" -fsyntax-only "$work/header.c"
}

# The library exports Ferry's own names only.
symbols() {
  library=$(find "$prefix" -name libferry.so)
  [ -n "$library" ] || { echo "no libferry.so in $prefix"; return 1; }
  foreign=$(nm -DC --defined-only "$library" |
    sed 's/^[^ ]* [^ ] //; s/^\(vtable\|typeinfo\|typeinfo name\|guard variable\|VTT\|construction vtable\) for //' |
    grep -v -E '^(ferry(::|_)|std::|__gnu_cxx::|operator |void |bool |.*[& *]ferry::)' || :)
  [ -z "$foreign" ] || { echo "exports names of others:"; echo "$foreign" | head -20; return 1; }
}

command_line() {
  "$prefix/bin/ferry" --version
  "$prefix/bin/ferry" info "$model"
}

# `pip install .`, with the compilers and at the folder depth that let the compiler cache serve it.
wheel() {
  rm -rf "$work/wheel" "$work/site"
  set -- --config-settings=build-dir="$root/build/wheel"
  if grep -q '^FERRY_WERROR:BOOL=ON' "$root/build/release/CMakeCache.txt" 2>/dev/null; then
    set -- "$@" --config-settings=cmake.define.FERRY_WERROR=ON
  fi
  CC=$cc CXX=$cxx "$python" -m pip wheel -q --no-deps --no-build-isolation -w "$work/wheel" "$@" "$root"
  "$python" -m pip install -q --no-deps --target "$work/site" "$work"/wheel/*.whl
  PYTHONPATH=$work/site "$python" "$here/wheel.py" "$model" "$work/site"
}

if [ $# -gt 1 ]; then
  "$2"
  exit
fi
"$python" "$here/make_model.py" "$model"
check 'find_package(ferry)' cmake_project
check 'the example in C++' example
check 'pkg-config ferry' pkg_config
check 'every public header alone' headers
check 'exported symbols' symbols
check 'the command' command_line
check 'the wheel' wheel
echo "$passed passed, $failed failed, 0 skipped"
echo "$passed $failed 0" >"${FERRY_COUNTS:-/dev/null}"
[ "$failed" = 0 ]
