/* SPDX-License-Identifier: BSD-3-Clause */
/* Offloads in both directions through the software device, which sends frames back with
 * the offloads that the driver accepts; with --strict a violation fails the test.
 * test_driver_offload.py (tests/softnic) checks what leaves the device. */
#include "tests/unit/test.h"

#include <poll.h>
#include <stdlib.h>

#include "tests/unit/loopback.h"
#include "tests/unit/stopwatch.h"

#define DATA 4000u
#define HEADERS 54u /* Ethernet, IPv4, TCP */

static char *const layouts[] = {
	"--features=+all,-RING_PACKED,-IN_ORDER", "--features=+all,-RING_PACKED,+IN_ORDER",
	"--features=+all,+RING_PACKED,-IN_ORDER", "--features=+all,+RING_PACKED,+IN_ORDER",
	"--features=+all,-RING_PACKED,-IN_ORDER,-MRG_RXBUF",
	"--features=+all,+RING_PACKED,-IN_ORDER,-MRG_RXBUF",
};

#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

/* GUEST_CSUM, GUEST_TSO4, -6, GUEST_ECN, GUEST_UFO, GUEST_USO4, -6, HASH_REPORT,
 * GUEST_UDP_TUNNEL_GSO and its checksum. */
static const struct vionet_features everything = {
	{ 0x782ull | 3ull << 54 | 1ull << 57, 6 }
};

#define RSC_EXT (1ull << 61)

static struct loopback *raise_live(char *features, char *option, uint64_t more)
{
	char *options[] = { features, option, NULL };
	struct loopback *loop = loopback_start(options);

	loopback_want = everything;
	loopback_want.word[0] |= more;
	loopback_open(loop, 1);
	return loop;
}

/* A TCP segment to this device itself, of `data` bytes, with segmentation offload if
 * `gso_size` is not 0. */
static void transmit(struct loopback *loop, unsigned int data, uint16_t gso_size,
		     bool partial)
{
	struct vionet_queue *tx = vionet_device_tx_queue(loop->device, 0);
	struct vionet_packet *first = NULL, **link = &first;
	uint8_t frame[70000] = {
		[12] = 8, [14] = 0x45, [22] = 64, [23] = 6, [26] = 10, [29] = 1,
		[30] = 10, [33] = 2, [34] = 1, [36] = 2, [46] = 0x50, [47] = 0x10,
	};
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	uint32_t length = HEADERS + data;

	OK(vionet_device_info(loop->device, &info));
	memcpy(frame, info.mac, 6);
	memcpy(frame + 6, info.mac, 6);
	frame[16] = (uint8_t)((data + 40) >> 8);
	frame[17] = (uint8_t)(data + 40);
	for (unsigned int i = 0; i < data; i++)
		frame[HEADERS + i] = (uint8_t)(i * 7 + (i >> 8));
	for (unsigned int i = 14, sum = 0; i < 34; i += 2) {
		sum += (unsigned int)frame[i] << 8 | frame[i + 1];
		sum = (sum & 0xffff) + (sum >> 16);
		if (i == 32) {
			frame[24] = (uint8_t)(~sum >> 8);
			frame[25] = (uint8_t)~sum;
		}
	}
	for (uint32_t done = 0; done < length; link = &(*link)->next) {
		assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), link, 1),
				 1);
		(*link)->length = vionet_packet_tailroom(*link);
		if ((*link)->length > length - done)
			(*link)->length = length - done;
		memcpy((*link)->data, frame + done, (*link)->length);
		done += (*link)->length;
	}
	assert_int_equal(vionet_packet_checksum_partial(first), 0);
	if (gso_size)
		assert_int_equal(vionet_packet_segment(first, gso_size), 0);
	if (!partial)
		assert_int_equal(vionet_packet_checksum_complete(first), 0);
	assert_int_equal(vionet_queue_transmit(tx, &first, 1), 1);
	OK(vionet_queue_drain(tx, 60000));
}

/* The next one; NULL if none comes. */
static struct vionet_packet *receive(struct loopback *loop)
{
	struct vionet_packet *packet = NULL;

	for (double limit = watch_clock() + TEST_TIMEOUT_S; watch_clock() < limit;) {
		if (vionet_queue_receive(vionet_device_rx_queue(loop->device, 0),
					 &packet, 1) == 1)
			break;
		poll(NULL, 0, 5);
	}
	return packet;
}

/* Its data continue at `at` of what was sent; returns where they end. */
static uint32_t check_data(const struct vionet_packet *packet, uint32_t at)
{
	uint32_t skip = HEADERS;

	for (; packet; packet = packet->next, skip = 0)
		for (uint32_t i = skip; i < packet->length; i++, at++)
			assert_int_equal(packet->data[i],
					 (uint8_t)(at * 7 + (at >> 8)));
	return at;
}

static unsigned int sum_of(const struct vionet_packet *packet)
{
	unsigned int sum = 6 + packet->length - 34;

	for (uint32_t i = 26; i < packet->length; i++)
		sum += i % 2 ? packet->data[i] : (unsigned int)packet->data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint64_t dropped(struct loopback *loop)
{
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };

	vionet_queue_stats(vionet_device_rx_queue(loop->device, 0), &stats);
	return stats.dropped_short + stats.dropped_long + stats.dropped_chain +
	       stats.dropped_metadata;
}

static void large_packets_come_as_they_went(void **state)
{
	(void)state;
	for (size_t i = 0; i < LAYOUTS; i++) {
		struct loopback *loop = raise_live(layouts[i], NULL, 0);
		struct vionet_packet *p;

		transmit(loop, DATA, 1460, true);
		p = receive(loop);
		assert_non_null(p);
		assert_int_equal(p->flags, VIONET_PACKET_NEEDS_CSUM);
		assert_int_equal(p->gso_type, VIONET_GSO_TCPV4);
		assert_int_equal(p->gso_size, 1460);
		assert_int_equal(p->hdr_len, HEADERS);
		assert_int_equal(p->csum_start, 34);
		assert_int_equal(p->csum_offset, 16);
		assert_int_equal(p->total_length, HEADERS + DATA);
		assert_int_equal(check_data(p, 0), DATA);
		/* Sent again as it was received. */
		assert_int_equal(vionet_queue_transmit(
			vionet_device_tx_queue(loop->device, 0), &p, 1), 1);
		p = receive(loop);
		assert_non_null(p);
		assert_int_equal(p->gso_size, 1460);
		assert_int_equal(check_data(p, 0), DATA);
		vionet_packet_free(&p, 1);
		assert_int_equal(dropped(loop), 0);
		loopback_finish(loop, 0);
	}
}

/* proves: NET-77 */
static void coalesced_packets_say_so(void **state)
{
	(void)state;
	for (size_t i = 0; i < LAYOUTS; i++) {
		struct loopback *loop = raise_live(layouts[i], NULL, RSC_EXT);
		struct vionet_packet *p;

		transmit(loop, DATA, 1460, true);
		p = receive(loop);
		assert_non_null(p);
		assert_true(p->flags & VIONET_PACKET_RSC_INFO);
		assert_int_equal(p->gso_type, VIONET_GSO_TCPV4);
		assert_int_equal(p->csum_start, 3); /* segments */
		assert_int_equal(p->csum_offset, 0);
		assert_int_equal(check_data(p, 0), DATA);
		assert_int_equal(vionet_packet_checksum_complete(p),
				 p->flags & VIONET_PACKET_NEEDS_CSUM ? -EINVAL : 0);
		vionet_packet_free(&p, 1);
		loopback_finish(loop, 0);
	}
}

/* proves: CVQ-40 */
static void offloads_are_switched_off(void **state)
{
	(void)state;
	for (size_t i = 0; i < LAYOUTS; i++) {
		struct loopback *loop = raise_live(layouts[i], NULL, 0);

		OK(vionet_offloads_set(loop->device, VIONET_OFFLOAD_CSUM));
		for (unsigned int csum = 2; csum-- != 0;) {
			uint32_t at = 0;

			transmit(loop, DATA, 1460, true);
			while (at < DATA) {
				struct vionet_packet *p = receive(loop);

				assert_non_null(p);
				assert_int_equal(p->gso_type, 0);
				assert_int_equal(p->flags, csum ? 2 : 0);
				assert_int_equal(sum_of(p), 0xffff);
				at = check_data(p, at);
				vionet_packet_free(&p, 1);
			}
			OK(vionet_offloads_set(loop->device, 0));
		}
		loopback_finish(loop, 0);
	}
}

static void hashes_are_reported(void **state)
{
	(void)state;
	for (size_t i = 0; i < LAYOUTS; i++) {
		struct loopback *loop = raise_live(layouts[i], NULL, 0);
		struct vionet_rss rss = { .struct_size = sizeof(rss) };
		struct vionet_packet *p;
		uint32_t value;

		OK(vionet_rss_set(loop->device, &rss));
		transmit(loop, 100, 0, false);
		p = receive(loop);
		assert_non_null(p);
		assert_int_equal(p->hash_report, VIONET_HASH_REPORT_TCPV4);
		value = p->hash_value;
		assert_true(value != 0);
		vionet_packet_free(&p, 1);
		transmit(loop, 200, 0, true);
		p = receive(loop);
		assert_non_null(p);
		assert_int_equal(p->hash_value, value);
		vionet_packet_free(&p, 1);
		loopback_finish(loop, 0);
	}
}

/* Frames as long as the MTU allows, in one buffer and in several. proves: NET-07 */
static void jumbo_frames(void **state)
{
	static const struct {
		char *option;
		unsigned int mtu;
	} rows[] = { { "--mtu=9000", 9000 }, { "--mtu=65535", 65535 } };

	(void)state;
	for (size_t i = 0; i < 2 * LAYOUTS; i++) {
		unsigned int mtu = rows[i % 2].mtu;
		struct vionet_packet *p;
		struct loopback *loop;

		/* The device reports DATA_VALID only for a frame that was sent in one
		 * segment. */
		loopback_tx_buffer = mtu + 14;
		loop = raise_live(layouts[i / 2], rows[i % 2].option, 0);
		loopback_tx_buffer = 0;
		transmit(loop, mtu - 40, 0, false);
		p = receive(loop);
		assert_non_null(p);
		assert_int_equal(p->total_length, mtu + 14);
		assert_int_equal(p->flags, VIONET_PACKET_DATA_VALID);
		assert_int_equal(check_data(p, 0), mtu - 40);
		vionet_packet_free(&p, 1);
		loopback_finish(loop, 0);
	}
}

/* Faults of the device: packets with an invalid length or header are dropped, the others
 * arrive, without metadata that was not negotiated. */
static void faults_of_received_frames(void **state)
{
	static const struct {
		char *option;
		bool dropped;
	} rows[] = {
		{ "--fault=F01", true },
		{ "--fault=F02", true },
		{ "--fault=F03", true },
		{ "--fault=F04", true },
		{ "--fault=F14", true },
		{ "--fault=F15", false },
		{ "--fault=F16", true },
		{ "--fault=F17", true },
		{ "--fault=F18", false },
		{ "--fault=F19", false },
		{ "--fault=F20", false },
		{ "--fault=F22", true },
		{ "--fault=F23", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct loopback *loop = raise_live(layouts[0], rows[i].option, 0);
		unsigned int arrived = 0;

		double limit = watch_clock() + TEST_TIMEOUT_S;

		for (unsigned int n = 0; n < 8; n++)
			transmit(loop, 100, 0, true);
		while (arrived + dropped(loop) < 8 && watch_clock() < limit) {
			struct vionet_packet *p;

			if (vionet_queue_receive(
				    vionet_device_rx_queue(loop->device, 0), &p,
				    1) == 0)
				continue;
			arrived++;
			assert_true(p->hash_report <= 9);
			if (p->flags & VIONET_PACKET_NEEDS_CSUM)
				assert_true(p->csum_start + p->csum_offset + 2 <=
					    (int)p->total_length);
			vionet_packet_free(&p, 1);
		}
		if (rows[i].dropped != (dropped(loop) != 0) ||
		    arrived + dropped(loop) != 8)
			fail_msg("%s: %u arrived, %u dropped", rows[i].option,
				 arrived, (unsigned int)dropped(loop));
		assert_int_equal(vionet_queue_check(
			vionet_device_rx_queue(loop->device, 0)), 0);
		loopback_finish(loop, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_packets_come_as_they_went),
		cmocka_unit_test(coalesced_packets_say_so),
		cmocka_unit_test(offloads_are_switched_off),
		cmocka_unit_test(hashes_are_reported),
		cmocka_unit_test(jumbo_frames),
		cmocka_unit_test(faults_of_received_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
