/* SPDX-License-Identifier: BSD-3-Clause */
/* One line of text for a frame, and its hexadecimal dump. Nothing is read past the bytes that are
 * given, whatever the lengths in them claim. */
#ifndef VIONET_TOOLS_DECODE_H
#define VIONET_TOOLS_DECODE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define DECODE_LINE_MAX 320

/*
 * "02:..:01 > 02:..:02 IPv4 198.18.0.1.9 > 198.19.0.1.9 UDP 18, length 60"
 *
 * `frame`: the first `available` bytes, `total`: the length of the whole frame.
 * `line` is always terminated and holds printable characters only.
 */
void decode_line(const uint8_t *frame, size_t available, size_t total, char *line,
		 size_t size);

/* Print offset, 16 bytes and their characters on each line. */
void decode_hex(FILE *file, const uint8_t *bytes, size_t count);

#endif
