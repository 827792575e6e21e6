/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends packets with offloads: checksums, segments, tunnels. A kernel's sockets and
 * counters, or a capture, behind the device check them.
 *
 *   vm_offload DEVICE --to MAC [--to4 ADDRESS] [--to6 ADDRESS] [--from4 ADDRESS]
 *              [--from6 ADDRESS] [--inner4 ADDRESS] [--inner6 ADDRESS] [--port N]
 *              [--count N] [KIND...]
 *
 *   csum4, csum6      UDP of 1000 bytes, its checksum left to the device
 *   uso4, uso6        10,000 bytes of UDP, to be cut into datagrams of 1000
 *   tso4, tso6        10,000 bytes of a TCP stream, to be cut into segments of 1000
 *   tunnel4, tunnel6  the same as uso4 and uso6, in VXLAN
 *   tunnelsum4, tunnelsum6   with the outer checksum left to the device too
 *
 * Without a KIND, all that was negotiated, and none of the others. Sources: the last byte of
 * the destination, plus 1. Byte i of a request's data is i * 7 + n, n being how many
 * of its kind were sent before. Ends with a line of JSON: what was sent of each kind.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vionet/vionet.h>

enum { SIX = 1, TCP = 2, LARGE = 4, TUNNEL = 8, OUTER_SUM = 16 };
enum { CSUM = 0, HOST_TSO4 = 11, HOST_TSO6 = 12, HOST_USO = 56, HOST_TUNNEL = 67,
       HOST_TUNNEL_SUM = 68 };

static const struct kind {
	const char *name;
	unsigned int what, feature;
} kinds[] = {
	{ "csum4", 0, CSUM },
	{ "csum6", SIX, CSUM },
	{ "uso4", LARGE, HOST_USO },
	{ "uso6", LARGE | SIX, HOST_USO },
	{ "tso4", LARGE | TCP, HOST_TSO4 },
	{ "tso6", LARGE | TCP | SIX, HOST_TSO6 },
	{ "tunnel4", LARGE | TUNNEL, HOST_TUNNEL },
	{ "tunnel6", LARGE | TUNNEL | SIX, HOST_TUNNEL },
	{ "tunnelsum4", LARGE | TUNNEL | OUTER_SUM, HOST_TUNNEL_SUM },
	{ "tunnelsum6", LARGE | TUNNEL | OUTER_SUM | SIX, HOST_TUNNEL_SUM },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define SMALL_DATA 1000u
#define LARGE_DATA 10000u
#define VXLAN_PORT 4789

static struct {
	uint8_t to[6], from[6];
	uint8_t to4[4], from4[4], inner4[4];
	uint8_t to6[16], from6[16], inner6[16];
	uint16_t port;
	unsigned int count;
} o = {
	.to4 = { 10, 0, 0, 1 },
	.to6 = { 0xfd, [15] = 1 },
	.inner4 = { 192, 168, 77, 1 },
	.inner6 = { 0xfd, 0x77, [15] = 1 },
	.port = 9000,
	.count = 20,
};

/* ---- frames, written from the front ---- */

static uint8_t *put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

static uint8_t *put_ethernet(uint8_t *at, const uint8_t *to, const uint8_t *from,
			     bool six)
{
	memcpy(at, to, 6);
	memcpy(at + 6, from, 6);
	return put16(at + 12, six ? 0x86dd : 0x0800);
}

static unsigned int sum(const uint8_t *at, size_t size, unsigned int more)
{
	for (size_t i = 0; i < size; i += 2)
		more += (unsigned int)at[i] << 8 | at[i + 1];
	while (more >> 16)
		more = (more & 0xffff) + (more >> 16);
	return more;
}

static uint8_t *put_ip(uint8_t *at, bool six, const uint8_t *to,
		       const uint8_t *from, unsigned int protocol,
		       unsigned int length)
{
	if (six) {
		memset(at, 0, 40);
		at[0] = 0x60;
		put16(at + 4, length);
		at[6] = (uint8_t)protocol;
		at[7] = 64;
		memcpy(at + 8, from, 16);
		memcpy(at + 24, to, 16);
		return at + 40;
	}
	memset(at, 0, 20);
	at[0] = 0x45;
	put16(at + 2, 20 + length);
	at[6] = 0x40;
	at[8] = 64;
	at[9] = (uint8_t)protocol;
	memcpy(at + 12, from, 4);
	memcpy(at + 16, to, 4);
	put16(at + 10, 0xffff - sum(at, 20, 0));
	return at + 20;
}

static uint8_t *put_udp(uint8_t *at, unsigned int port, unsigned int length)
{
	put16(put16(put16(put16(at, 40000), port), 8 + length), 0);
	return at + 8;
}

static uint8_t *put_tcp(uint8_t *at, unsigned int sequence)
{
	memset(at, 0, 20);
	put16(put16(at, 40000), o.port);
	put16(put16(at + 4, sequence >> 16), sequence & 0xffff);
	at[11] = 1;
	at[12] = 0x50;
	at[13] = 0x10;
	at[14] = 0x10;
	return at + 20;
}

/* With IPv6 or IPv4 addresses, the source as the last byte + 1. */
static uint8_t *put_packet(uint8_t *at, const struct kind *kind, bool inner,
			   unsigned int data, unsigned int n)
{
	bool six = kind->what & SIX, tcp = kind->what & TCP;
	unsigned int header = tcp ? 20 : 8;
	const uint8_t *to = six ? inner ? o.inner6 : o.to6 :
				  inner ? o.inner4 : o.to4;
	uint8_t from[16];

	memcpy(from, to, six ? 16 : 4);
	from[six ? 15 : 3]++;
	if (!inner)
		memcpy(from, six ? o.from6 : o.from4, six ? 16 : 4);
	at = put_ip(at, six, to, from, tcp ? 6 : 17, header + data);
	at = tcp ? put_tcp(at, 1000 + n * LARGE_DATA) : put_udp(at, o.port, data);
	for (unsigned int i = 0; i < data; i++)
		at[i] = (uint8_t)(i * 7 + n);
	return at + data;
}

/* ---- requests ---- */

static bool prepare(struct vionet_packet *p, const struct kind *kind)
{
	if (vionet_packet_checksum_partial(p))
		return false;
	return !(kind->what & LARGE) || vionet_packet_segment(p, 1000) == 0;
}

static void make(struct vionet_packet *p, const struct kind *kind, unsigned int n)
{
	unsigned int data = kind->what & LARGE ? LARGE_DATA : SMALL_DATA;
	uint8_t *at = put_ethernet(p->data, o.to, o.from, kind->what & SIX);

	p->length = (uint32_t)(put_packet(at, kind, false, data, n) - p->data);
}

/* The helpers prepare the inner packet alone; then it moves behind the headers of the
 * tunnel. */
static bool make_tunnel(struct vionet_packet *p, const struct kind *kind,
			unsigned int n)
{
	static const uint8_t to[6] = { 2, 0x77, 0, 0, 0, 1 };
	static const uint8_t from[6] = { 2, 0x77, 0, 0, 0, 2 };
	static const uint8_t vxlan[8] = { 8, 0, 0, 0, 0, 0, 7, 0 };
	bool six = kind->what & SIX;
	unsigned int shell = 14 + (six ? 40 : 20) + 16;
	uint8_t *at = p->data, *udp;

	p->data += shell;
	p->length = (uint32_t)(put_packet(put_ethernet(p->data, to, from, six), kind,
					  true, LARGE_DATA, n) - p->data);
	if (!prepare(p, kind))
		return false;
	p->data = at;
	at = put_ethernet(at, o.to, o.from, six);
	at = put_ip(at, six, six ? o.to6 : o.to4, six ? o.from6 : o.from4, 17,
		    16 + p->length);
	udp = at;
	at = put_udp(at, VXLAN_PORT, 8 + p->length);
	memcpy(at, vxlan, sizeof(vxlan));
	if (kind->what & OUTER_SUM) {
		/* The pseudo header's sum; addresses lie right in front. */
		put16(udp + 6, sum(udp - (six ? 32 : 8), six ? 32 : 8,
				   17 + 16 + p->length));
		p->flags |= VIONET_PACKET_UDP_TUNNEL_CSUM;
	}
	p->gso_type |= six ? VIONET_GSO_UDP_TUNNEL_IPV6 :
			     VIONET_GSO_UDP_TUNNEL_IPV4;
	p->outer_th_offset = (uint16_t)(udp - p->data);
	p->inner_nh_offset = (uint16_t)(shell + 14);
	p->csum_start = (uint16_t)(p->csum_start + shell);
	p->length += shell;
	return true;
}

static int send_kind(struct vionet_queue *tx, const struct kind *kind)
{
	for (unsigned int n = 0; n < o.count; n++) {
		struct vionet_packet *p;
		bool good = true;

		if (vionet_packet_alloc(vionet_queue_pool(tx), &p, 1) != 1)
			return -1;
		if (kind->what & TUNNEL) {
			good = make_tunnel(p, kind, n);
		} else {
			make(p, kind, n);
			good = prepare(p, kind);
		}
		if (!good || vionet_queue_transmit(tx, &p, 1) != 1 ||
		    vionet_queue_drain(tx, 2000)) {
			fprintf(stderr, "%s %u: %s\n", kind->name, n,
				good ? vionet_error_text() : "not prepared");
			return -1;
		}
	}
	return 0;
}

/* ---- the command line ---- */

static void wrong(const char *what, const char *text)
{
	fprintf(stderr, "vm_offload: %s '%s'\n", what, text);
	exit(2);
}

static void read_address(const char *text, bool six, uint8_t *to, uint8_t *from)
{
	if (inet_pton(six ? AF_INET6 : AF_INET, text, to) != 1)
		wrong("no address:", text);
	if (!from)
		return;
	memcpy(from, to, six ? 16 : 4);
	from[six ? 15 : 3]++;
}

static void read_mac(const char *text)
{
	if (sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &o.to[0], &o.to[1],
		   &o.to[2], &o.to[3], &o.to[4], &o.to[5]) != 6)
		wrong("no MAC address:", text);
}

static void read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "to", required_argument, NULL, 't' },
		{ "to4", required_argument, NULL, '4' },
		{ "to6", required_argument, NULL, '6' },
		{ "from4", required_argument, NULL, 'f' },
		{ "from6", required_argument, NULL, 'g' },
		{ "inner4", required_argument, NULL, 'i' },
		{ "inner6", required_argument, NULL, 'j' },
		{ "port", required_argument, NULL, 'p' },
		{ "count", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	read_address("10.0.0.1", false, o.to4, o.from4);
	read_address("fd00::1", true, o.to6, o.from6);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 't': read_mac(optarg); break;
		case '4': read_address(optarg, false, o.to4, o.from4); break;
		case '6': read_address(optarg, true, o.to6, o.from6); break;
		case 'f': read_address(optarg, false, o.from4, NULL); break;
		case 'g': read_address(optarg, true, o.from6, NULL); break;
		case 'i': read_address(optarg, false, o.inner4, NULL); break;
		case 'j': read_address(optarg, true, o.inner6, NULL); break;
		case 'p': o.port = (uint16_t)strtoul(optarg, NULL, 10); break;
		case 'c': o.count = (unsigned int)strtoul(optarg, NULL, 10); break;
		default: exit(2);
		}
	}
	if (optind == argc)
		wrong("which device?", "");
}

/* Those that are named, or everything that was negotiated. */
static bool is_chosen(const struct kind *kind, char **named,
		      const struct vionet_features *negotiated)
{
	bool usable = vionet_feature_test(negotiated, kind->feature) &&
		      (!(kind->what & TUNNEL) ||
		       vionet_feature_test(negotiated, HOST_USO));

	if (!*named)
		return usable;
	for (; *named; named++) {
		if (strcmp(*named, kind->name) != 0)
			continue;
		if (!usable) {
			fprintf(stderr, "not negotiated: %s\n",
				vionet_feature_name(kind->feature));
			exit(1);
		}
		return true;
	}
	return false;
}

static void check_names(char **named)
{
	for (; *named; named++) {
		size_t i = 0;

		while (i < KINDS && strcmp(*named, kinds[i].name) != 0)
			i++;
		if (i == KINDS)
			wrong("no such kind:", *named);
	}
}

static int run(struct vionet_device *device, char **named)
{
	struct vionet_start_options start = {
		.struct_size = sizeof(start),
		.tx_pool_options = &(struct vionet_pool_options){
			.struct_size = sizeof(struct vionet_pool_options),
			.count = 64, .buffer_size = 12000 },
	};
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	struct vionet_queue *tx;
	int result = 0;

	if (vionet_device_start(device, &start) ||
	    vionet_device_info(device, &info)) {
		fprintf(stderr, "%s\n", vionet_error_text());
		return 1;
	}
	memcpy(o.from, info.mac, 6);
	tx = vionet_device_tx_queue(device, 0);
	printf("{");
	for (size_t i = 0; i < KINDS && result == 0; i++) {
		if (!is_chosen(&kinds[i], named, &info.negotiated))
			continue;
		result = send_kind(tx, &kinds[i]);
		printf("\"%s\": %u, ", kinds[i].name, result ? 0 : o.count);
	}
	vionet_queue_stats(tx, &stats);
	printf("\"invalid\": %llu}\n", (unsigned long long)stats.invalid);
	return result || stats.invalid != 0;
}

int main(int argc, char **argv)
{
	struct vionet_open_options open = { .struct_size = sizeof(open) };
	struct vionet_device *device;
	int result;

	read_options(argc, argv);
	check_names(argv + optind + 1);
	/* These two are accepted only if wanted. */
	open.want.word[HOST_TUNNEL / 64] |= 1ull << HOST_TUNNEL % 64 |
					    1ull << HOST_TUNNEL_SUM % 64;
	if (vionet_device_open(argv[optind], &open, &device)) {
		fprintf(stderr, "%s\n", vionet_error_text());
		return 1;
	}
	result = run(device, argv + optind + 1);
	if (vionet_device_close(device))
		result = 1;
	return result;
}
