/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Command lines: a parser that ends the process ends its parser of argp instead, so that argp frees what it has; memory that is
 * left then is freed here. Nothing is opened: no file is there but the configuration of command_line.c.
 */
#ifndef VIONET_TESTS_FUZZ_COMMAND_LINE_H
#define VIONET_TESTS_FUZZ_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What came of it: an exit code, or that the line was accepted. */
#define COMMAND_LINE_ACCEPTED (-1)

/* A line of the input each is an argument, behind `program`; returns how `run` ended. */
int command_line_run(const char *program, const uint8_t *bytes, size_t size, void (*run)(int argc, char **argv));
/* A line runs: false, it is the fuzzer that calls. */
bool command_line_runs(void);
/* The line is accepted: do not go on. */
void command_line_accept(void) __attribute__((noreturn));
/* As exit() does. */
void command_line_leave(int code) __attribute__((noreturn));

#endif
