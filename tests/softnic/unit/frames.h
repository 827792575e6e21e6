/* SPDX-License-Identifier: BSD-3-Clause */
/* Builds frames for the tests of offloads and hashes, and computes checksums with plain
 * loops. */
#ifndef SOFTNIC_FRAMES_H
#define SOFTNIC_FRAMES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "softnic/net/internal.h"

/* ---- checksums ---- */

/* RFC 1071 word by word; 0xffff over bytes that include their correct checksum. */
unsigned int plain_sum(unsigned int sum, const uint8_t *data, unsigned int n);
unsigned int pseudo4(const uint8_t *ip, unsigned int protocol, unsigned int n);
unsigned int pseudo6(const uint8_t *ip, unsigned int protocol, unsigned int n);

/* ---- frames ---- */

enum { ETH = 14, IP4 = 20, IP6 = 40, TCP = 20, UDP = 8 };

/* The frame; a test writes its parts here. */
#define FRAMES_BYTES (65536 + 100)
extern uint8_t memory[FRAMES_BYTES];

void fill(uint8_t *at, unsigned int n);
void store16(uint8_t *at, unsigned int value);
unsigned int load16(const uint8_t *at);
unsigned int load32(const uint8_t *at);

/* Headers; `n`: the bytes that follow. */
void ethernet(uint8_t *at, unsigned int type);
void ipv4(uint8_t *ip, unsigned int protocol, unsigned int n);
void ipv6(uint8_t *ip, unsigned int protocol, unsigned int n);
void tcp(uint8_t *at, unsigned int flags);
void udp(uint8_t *at, unsigned int port, unsigned int n);

/* What is in `memory`, as the device sees it. */
struct frame frame_of(unsigned int length, struct net_header header);

#endif
