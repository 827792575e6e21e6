/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is printed of others' words, and files that are written to. Never lets a control
 * character through, nor waits for a reader.
 */
#ifndef SOFTNIC_TEXT_H
#define SOFTNIC_TEXT_H

#include <stdbool.h>
#include <stdio.h>

/* Make '?' of all that is no printable ASCII character. Returns `text`. */
char *text_clean(char *text);

/* "vionet-softnic: TEXT" on stderr, clean. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A file to write to, NULL and errno. A FIFO has to have a reader already (ENXIO), and loses
 * what that does not take. */
FILE *open_output(const char *path);

/* Whose descriptor this is, read or written, is no output from now on (EBUSY). False: it was kept already. */
bool keep_file(int fd);

/* Why: the system's text, and what to do about a FIFO without a reader. */
const char *output_error(int error);

#endif
