#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds all fuzz targets as OSS-Fuzz wants them: in $OUT each target, its dictionary (NAME.dict), its seeds (NAME_seed_corpus.zip) and
# the libraries that it needs. By hand:
#
#   SRC=.. OUT=/tmp/fuzz CC=clang CFLAGS='-O1 -g -fsanitize=address,fuzzer-no-link' LIB_FUZZING_ENGINE=-fsanitize=fuzzer \
#       tests/fuzz/oss-fuzz/build.sh
set -euo pipefail
cd "$(dirname "$0")"
[ -d ../corpus ] || cd "$SRC/vionet/tests/fuzz/oss-fuzz"
source=$PWD/../../..
work=${WORK:-$OUT}/build

mkdir -p "$OUT/lib"
cmake -S "$source" -B "$work" -G Ninja --log-level=WARNING -DVIONET_TESTS=ON -DVIONET_FUZZER=ON \
    -DVIONET_FUZZER_ENGINE="$LIB_FUZZING_ENGINE" -DCMAKE_BUILD_TYPE=None -DCMAKE_C_COMPILER="$CC" -DCMAKE_C_FLAGS="$CFLAGS" \
    -DCMAKE_EXE_LINKER_FLAGS="-Wl,-rpath,'\$ORIGIN/lib'"
ninja -C "$work" fuzz_targets

for target in "$work"/tests/fuzz/fuzz_*; do
    [ -x "$target" ] && [ ! -d "$target" ] || continue
    name=$(basename "$target")
    cp "$target" "$OUT/"
    ../dictionary "${name#fuzz_}" >"$OUT/$name.dict"
    python3 -m zipfile -c "$OUT/${name}_seed_corpus.zip" "../corpus/${name#fuzz_}"/*
    # All but the C library and its loader, which the runner has.
    ldd "$target" | sed -n 's:.* => \(/[^ ]*\) .*:\1:p' | grep -vE '/(libc|libm|libdl|librt|libpthread|libgcc_s|libstdc\+\+)\.so' |
        xargs -r cp -u -t "$OUT/lib"
done
