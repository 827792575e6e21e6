/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A fuzz target: fuzz_NAME.c, one call that takes any bytes and ends the process by an assertion or a sanitizer where
 * something is wrong. It is run by libFuzzer (VIONET_FUZZER, clang), and in each run of the tests by driver.c, on its corpus and
 * a number of mutations that are the same each time.
 */
#ifndef VIONET_TESTS_FUZZ_H
#define VIONET_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Words that the mutations use, NULL at the end. */
extern const char *const fuzz_words[];

#endif
