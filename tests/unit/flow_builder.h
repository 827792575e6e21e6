/* SPDX-License-Identifier: BSD-3-Clause */
/* Flows for tests, and what their frames must be by the texts of the protocols, computed slowly. */
#ifndef VIONET_TESTS_FLOW_BUILDER_H
#define VIONET_TESTS_FLOW_BUILDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/pktgen/packet/header_table.h"
#include "tools/pktgen/packet/template.h"

#define FRAME_ROOM 70000

/* An empty flow of frames of `size`, tracked. One at a time: flow_end frees it. */
struct traffic_flow *flow_begin(uint32_t size);
struct traffic_flow *flow_of(void);
void flow_end(void);
/* Headers by kind, outermost first; -1 ends. */
void flow_headers(int kind, ...);
/* A part of header number `header`. */
struct traffic_header *flow_part(size_t header, enum header_kind kind);
/* Field of header number `header`. */
struct traffic_field *flow_field(size_t header, const char *name);
struct traffic_field *part_field(struct traffic_header *part, const char *name);
void flow_value(size_t header, const char *name, traffic_value value);
void flow_steps(size_t header, const char *name, enum traffic_pattern pattern, traffic_value start, traffic_value step,
		uint64_t count);
void flow_bytes(size_t header, const void *bytes, size_t count);

/* The flow's template; fails the test where the flow is refused. Freed by flow_end. */
struct template *flow_compile(void);
/* The text with which it is refused. */
const char *flow_refused(void);

/* Frame n, and the signature in it (track 7, time 1000 + n), in a buffer that is filled anew. Returns its bytes. */
const uint8_t *flow_frame(struct template *template, uint64_t n, uint32_t *length);

/* `bits` bits from bit `at` on. */
traffic_value bits_at(const uint8_t *bytes, uint32_t at, uint32_t bits);

/* RFC 1071 as its text says it: 16-bit words, the carry added at each step. */
uint16_t ones_sum(uint16_t sum, const uint8_t *bytes, size_t count);
/* Pseudo header and packet of an IP packet without extension headers or options: 0xffff where right. */
uint16_t transport_sum(const uint8_t *ip, const uint8_t *transport, uint32_t length, uint8_t protocol);

#endif
