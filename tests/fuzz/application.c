/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "tests/fuzz/application.h"
#include "tests/fuzz/world.h"

#define BURST 16u
#define MS 1000000ull

enum {
	F_GUEST_CSUM = 1,
	F_GUEST_TSO4 = 7,
	F_GUEST_TSO6 = 8,
	F_GUEST_UFO = 10,
	F_MRG_RXBUF = 15,
	F_GUEST_USO4 = 54,
	F_GUEST_USO6 = 55,
	F_HASH_REPORT = 57,
	F_RSC_EXT = 61,
	F_GUEST_UDP_TUNNEL_GSO = 65,
	F_GUEST_UDP_TUNNEL_GSO_CSUM = 66,
};

static bool app_has(const struct fuzz_application *app, unsigned int bit)
{
	return vionet_feature_test(&app->negotiated, bit);
}

void fuzz_application_look(struct fuzz_application *app)
{
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	if (vionet_device_info(app->device, &info) == 0)
		app->negotiated = info.negotiated;
	else if (app->negotiated.word[0] == 0) /* the device cannot be read, and anything may have been */
		app->negotiated = (struct vionet_features){ .word = { UINT64_MAX, UINT64_MAX } };
}

/* ---- who has a packet: the application's word of each segment ---- */

static void app_take(struct vionet_packet *packet)
{
	for (; packet; packet = packet->next) {
		FUZZ_CHECK(*vionet_packet_user(packet) == 0);
		*vionet_packet_user(packet) = 1;
	}
}

static void app_give(struct vionet_packet *packet)
{
	for (; packet; packet = packet->next) {
		FUZZ_CHECK(*vionet_packet_user(packet) == 1);
		*vionet_packet_user(packet) = 0;
	}
}

static void app_free(struct vionet_packet *packet)
{
	app_give(packet);
	vionet_packet_free(&packet, 1);
}

static void app_keep(struct fuzz_application *app, struct vionet_packet *packet)
{
	if (app->owned == APP_PACKETS)
		app_free(packet);
	else
		app->own[app->owned++] = packet;
}

/* ---- what was received ---- */

static void app_check_kind(const struct fuzz_application *app, const struct vionet_packet *p)
{
	unsigned int kind = p->gso_type & 0x1fu;

	FUZZ_CHECK((p->gso_type & 0x60) == 0 || app_has(app, F_GUEST_UDP_TUNNEL_GSO));
	FUZZ_CHECK(p->gso_type == 0 || p->gso_size != 0);
	if (kind == VIONET_GSO_TCPV4)
		FUZZ_CHECK(app_has(app, F_GUEST_TSO4));
	else if (kind == VIONET_GSO_TCPV6)
		FUZZ_CHECK(app_has(app, F_GUEST_TSO6));
	else if (kind == VIONET_GSO_UDP)
		FUZZ_CHECK(app_has(app, F_GUEST_UFO));
	else if (kind == VIONET_GSO_UDP_L4)
		FUZZ_CHECK(app_has(app, F_GUEST_USO4) || app_has(app, F_GUEST_USO6));
	else
		FUZZ_CHECK(kind == 0);
}

static void app_check_metadata(const struct fuzz_application *app, const struct vionet_packet *p)
{
	unsigned int allowed = 0;

	if (app_has(app, F_GUEST_CSUM))
		allowed |= VIONET_PACKET_NEEDS_CSUM | VIONET_PACKET_DATA_VALID;
	if (app_has(app, F_RSC_EXT))
		allowed |= VIONET_PACKET_RSC_INFO;
	if (app_has(app, F_GUEST_UDP_TUNNEL_GSO_CSUM))
		allowed |= VIONET_PACKET_UDP_TUNNEL_CSUM;
	FUZZ_CHECK((p->flags & ~allowed) == 0);
	app_check_kind(app, p);
	if ((p->flags & VIONET_PACKET_NEEDS_CSUM) && !(p->flags & VIONET_PACKET_RSC_INFO))
		FUZZ_CHECK(p->csum_start >= 14 && p->csum_start + p->csum_offset + 2u <= p->total_length);
	FUZZ_CHECK(p->hash_report <= VIONET_HASH_REPORT_UDPV6_EX);
	FUZZ_CHECK(app_has(app, F_HASH_REPORT) || (p->hash_report == 0 && p->hash_value == 0));
	FUZZ_CHECK(p->hdr_len <= p->total_length);
}

static void app_check_packet(const struct fuzz_application *app, const struct vionet_packet *p, unsigned int pair)
{
	const uint32_t room = vionet_pool_buffer_size(app->rx_pool[pair]);
	uint32_t total = 0, segments = 0;
	volatile uint8_t sum = 0;

	for (const struct vionet_packet *s = p; s; s = s->next) {
		FUZZ_CHECK(s->pool == app->rx_pool[pair]);
		FUZZ_CHECK(s->length != 0 && s->data >= s->buffer &&
			   s->data + s->length <= s->buffer + ((VIONET_HEADROOM + room + 63) & ~63u));
		sum = (uint8_t)(sum + s->data[0] + s->data[s->length - 1]);
		total += s->length;
		segments++;
	}
	FUZZ_CHECK(total == p->total_length && segments == p->segments);
	FUZZ_CHECK(total >= VIONET_FRAME_MIN && total <= VIONET_FRAME_MAX);
	FUZZ_CHECK(segments == 1 || app_has(app, F_MRG_RXBUF));
	app_check_metadata(app, p);
}

void fuzz_application_receive(struct fuzz_application *app, unsigned int pair, unsigned int most)
{
	struct vionet_queue *queue = vionet_device_rx_queue(app->device, pair);
	struct vionet_packet *packets[BURST];
	unsigned int count;

	if (!queue)
		return;
	if (most > BURST)
		most = BURST;
	fuzz_call_begin(MS);
	count = vionet_queue_receive(queue, packets, most);
	fuzz_call_end();
	FUZZ_CHECK(count <= most);
	for (unsigned int i = 0; i < count; i++) {
		app_take(packets[i]);
		app_check_packet(app, packets[i], pair);
		if ((packets[i]->flags & VIONET_PACKET_NEEDS_CSUM) && fuzz_take8() & 1)
			(void)vionet_packet_checksum_complete(packets[i]);
		app_keep(app, packets[i]);
	}
}

/* ---- what is sent ---- */

/* A frame that checksum_partial knows: IPv4 or IPv6, TCP or UDP. */
static void app_write_headers(uint8_t *data, uint32_t length, unsigned int what)
{
	uint32_t l3 = what & 2 ? 18 : 14, l4 = l3 + (what & 1 ? 40 : 20);

	memset(data, 0x11, length);
	data[12] = 0x81;
	data[13] = 0;
	data[l3 - 2] = what & 1 ? 0x86 : 8;
	data[l3 - 1] = what & 1 ? 0xdd : 0;
	if (what & 1) {
		data[l3] = 0x60;
		data[l3 + 4] = (uint8_t)((length - l4) >> 8);
		data[l3 + 5] = (uint8_t)(length - l4);
		data[l3 + 6] = what & 4 ? 6 : 17;
	} else {
		data[l3] = 0x45;
		data[l3 + 2] = (uint8_t)((length - l3) >> 8);
		data[l3 + 3] = (uint8_t)(length - l3);
		data[l3 + 6] = data[l3 + 7] = 0;
		data[l3 + 9] = what & 4 ? 6 : 17;
	}
	if (what & 4) {
		data[l4 + 12] = 0x50;
	} else {
		data[l4 + 4] = (uint8_t)((length - l4) >> 8);
		data[l4 + 5] = (uint8_t)(length - l4);
	}
}

/* TCP or UDP in Ethernet in VXLAN, with the fields that say where; some of them may be others. */
static void app_make_tunnel(struct vionet_packet *p, unsigned int what)
{
	unsigned int kind = fuzz_take8(), outer = kind & 1 ? 54 : 34, inner = outer + 8 + 8 + 14, l4 = inner + (kind & 2 ? 40 : 20);
	uint8_t *data = p->data;

	memset(data, 0, p->length);
	data[12] = kind & 1 ? 0x86 : 8;
	data[13] = kind & 1 ? 0xdd : 0;
	data[14] = kind & 1 ? 0x60 : 0x45;
	data[inner - 2] = kind & 2 ? 0x86 : 8;
	data[inner] = kind & 2 ? 0x60 : 0x45;
	data[l4 + 12] = 0x50;
	data[l4 + 13] = kind & 8 ? 0x80 : 0x10;
	data[outer + 6] = kind & 0x40 ? 1 : 0;
	p->flags = (uint8_t)(VIONET_PACKET_NEEDS_CSUM | (kind & 0x20 ? VIONET_PACKET_UDP_TUNNEL_CSUM : 0));
	p->gso_type = (uint8_t)((kind & 4 ? VIONET_GSO_UDP_L4 : kind & 2 ? VIONET_GSO_TCPV6 :
									   VIONET_GSO_TCPV4) |
				(kind & 0x10 ? 0 : kind & 2 ? 0x40 :
							      0x20));
	p->gso_size = 20 + (kind >> 4);
	p->csum_start = (uint16_t)l4;
	p->csum_offset = kind & 4 ? 6 : 16;
	p->outer_th_offset = (uint16_t)outer;
	p->inner_nh_offset = (uint16_t)inner;
	if (what & 32)
		*(uint8_t *)(what & 1 ? &p->csum_start : what & 2 ? &p->outer_th_offset :
								    &p->inner_nh_offset) = fuzz_take8();
	if (kind & 0x80)
		data[fuzz_take8() % p->length] = fuzz_take8();
}

/* Fields as the input has them. */
static void app_ask_anything(struct vionet_packet *p)
{
	p->flags = fuzz_take8();
	p->gso_type = fuzz_take8();
	p->gso_size = fuzz_take16();
	p->csum_start = fuzz_take8();
	p->csum_offset = fuzz_take8();
	p->outer_th_offset = fuzz_take8();
	p->inner_nh_offset = fuzz_take8();
	p->hdr_len = fuzz_take16();
}

static void app_fill(struct vionet_packet *p, unsigned int what)
{
	uint32_t room = vionet_packet_tailroom(p);

	p->length = room < 100 ? room : 80 + fuzz_take8() % (room - 80);
	if (what & 16)
		p->length = fuzz_take16() % (room + 1);
	if (p->length >= 80 && what & 8) {
		app_write_headers(p->data, p->length, what);
		if (vionet_packet_checksum_partial(p) == 0 && what & 32)
			(void)vionet_packet_segment(p, fuzz_take8());
	} else if (p->length >= 150 && what & 4) {
		app_make_tunnel(p, what);
	} else {
		(void)fuzz_take_bytes(p->data, p->length < 32 ? p->length : 32);
	}
	if (what & 64)
		app_ask_anything(p);
	if (what & 128)
		p->data += (int8_t)fuzz_take8() - 64;
}

/* A packet of so many segments out of the pool, or NULL. */
static struct vionet_packet *app_compose(struct vionet_pool *pool, unsigned int segments, unsigned int what)
{
	struct vionet_packet *head = NULL, **at = &head, *p;

	while (segments-- != 0 && vionet_packet_alloc(pool, &p, 1) == 1) {
		FUZZ_CHECK(*vionet_packet_user(p) == 0);
		*vionet_packet_user(p) = 1;
		app_fill(p, head ? what & 16 : what);
		*at = p;
		at = &p->next;
		if (head != p)
			head->segments++;
	}
	return head;
}

void fuzz_application_transmit(struct fuzz_application *app, unsigned int pair, unsigned int count)
{
	struct vionet_queue *queue = vionet_device_tx_queue(app->device, pair);
	struct vionet_packet *packets[BURST];
	unsigned int what = fuzz_take8(), shape = fuzz_take8(), n = 0, sent;

	if (!queue)
		return;
	for (; n < count && n < BURST; n++) {
		if (shape & 0x80 && app->owned != 0)
			packets[n] = app->own[--app->owned];
		else
			packets[n] = app_compose(app->tx_pool[pair], 1 + (shape & 15) * (shape >> 4 & 1), what);
		if (!packets[n])
			break;
	}
	for (unsigned int i = 0; i < n; i++)
		app_give(packets[i]);
	fuzz_call_begin(MS);
	sent = vionet_queue_transmit(queue, packets, n);
	fuzz_call_end();
	FUZZ_CHECK(sent <= n);
	for (unsigned int i = sent; i < n; i++) {
		app_take(packets[i]);
		app_keep(app, packets[i]);
	}
}

void fuzz_application_keep(struct fuzz_application *app, struct vionet_packet *packet)
{
	app_take(packet);
	app_keep(app, packet);
}

void fuzz_application_free(struct fuzz_application *app, unsigned int count)
{
	while (count-- != 0 && app->owned != 0)
		app_free(app->own[--app->owned]);
}

void fuzz_application_settle(struct fuzz_application *app)
{
	fuzz_application_free(app, APP_PACKETS);
	for (unsigned int i = 0; i < app->pairs; i++) {
		if (app->rx_pool[i])
			FUZZ_CHECK(vionet_pool_available(app->rx_pool[i]) == app->rx_count);
		if (app->tx_pool[i])
			FUZZ_CHECK(vionet_pool_available(app->tx_pool[i]) == app->tx_count);
	}
}
