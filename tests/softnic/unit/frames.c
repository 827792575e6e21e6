/* SPDX-License-Identifier: BSD-3-Clause */
#include "frames.h"

/* ---- checksums ---- */

unsigned int plain_sum(unsigned int sum, const uint8_t *data, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		sum += i % 2 ? data[i] : (unsigned int)data[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

unsigned int pseudo4(const uint8_t *ip, unsigned int protocol, unsigned int n)
{
	uint8_t tail[4] = { 0, (uint8_t)protocol, (uint8_t)(n >> 8), (uint8_t)n };

	return plain_sum(plain_sum(0, ip + 12, 8), tail, 4);
}

unsigned int pseudo6(const uint8_t *ip, unsigned int protocol, unsigned int n)
{
	uint8_t tail[8] = { 0, 0, (uint8_t)(n >> 8), (uint8_t)n, 0, 0, 0,
			    (uint8_t)protocol };

	return plain_sum(plain_sum(0, ip + 8, 32), tail, 8);
}

/* ---- frames ---- */

uint8_t memory[FRAMES_BYTES];
static struct element part;

void fill(uint8_t *at, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		at[i] = (uint8_t)(i * 31 + (i >> 8) * 7);
}

void store16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

unsigned int load16(const uint8_t *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

unsigned int load32(const uint8_t *at)
{
	return load16(at) << 16 | load16(at + 2);
}

void ethernet(uint8_t *at, unsigned int type)
{
	memcpy(at, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02", 12);
	store16(at + 12, type);
}

void ipv4(uint8_t *ip, unsigned int protocol, unsigned int n)
{
	memset(ip, 0, IP4);
	ip[0] = 0x45;
	store16(ip + 2, IP4 + n);
	store16(ip + 4, 0xfffe);
	ip[6] = 0x40;
	ip[8] = 64;
	ip[9] = (uint8_t)protocol;
	memcpy(ip + 12, "\x0a\x00\x00\x01\x0a\x00\x00\x02", 8);
	store16(ip + 10, ~plain_sum(0, ip, IP4));
}

void ipv6(uint8_t *ip, unsigned int protocol, unsigned int n)
{
	memset(ip, 0, IP6);
	ip[0] = 0x60;
	store16(ip + 4, n);
	ip[6] = (uint8_t)protocol;
	ip[7] = 64;
	ip[8] = ip[24] = 0xfd;
	ip[23] = 1;
	ip[39] = 2;
}

void tcp(uint8_t *at, unsigned int flags)
{
	memset(at, 0, TCP);
	store16(at, 40000);
	store16(at + 2, 80);
	memcpy(at + 4, "\xff\xff\xff\x00\x00\x00\x10\x00", 8);
	at[12] = 0x50;
	at[13] = (uint8_t)flags;
	store16(at + 14, 0x4000);
}

void udp(uint8_t *at, unsigned int port, unsigned int n)
{
	store16(at, 40000);
	store16(at + 2, port);
	store16(at + 4, UDP + n);
	store16(at + 6, 0);
}

struct frame frame_of(unsigned int length, struct net_header header)
{
	part = (struct element){ memory, length };
	return (struct frame){ .part = &part, .parts = 1, .length = length,
			       .header = header };
}
