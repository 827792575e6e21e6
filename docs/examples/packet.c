/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <vionet/vionet.h>

/* A pool shared by two devices: one sends what the other received without a copy. */
static struct vionet_pool *make_pool(struct vionet_device *first,
				     struct vionet_device *second)
{
	struct vionet_pool_options options = { .struct_size = sizeof(options) };
	struct vionet_pool *pool;

	options.count = 2048;
	options.access = VIONET_DEVICE_WRITES;
	if (vionet_pool_create(first, &options, &pool))
		return NULL;
	if (vionet_pool_share(pool, second, VIONET_DEVICE_READS)) {
		vionet_pool_destroy(pool);
		return NULL;
	}
	return pool;
}

/* Take a packet from a pool, and put a header in front of its frame. */
static struct vionet_packet *wrap(struct vionet_pool *pool, const void *frame,
				  uint32_t length, const uint8_t header[14])
{
	struct vionet_packet *packet;

	if (length > vionet_pool_buffer_size(pool) ||
	    vionet_packet_alloc(pool, &packet, 1) != 1)
		return NULL;
	memcpy(packet->data, frame, length);
	packet->length = length;
	if (vionet_packet_headroom(packet) < 14) {
		vionet_packet_free(&packet, 1);
		return NULL;
	}
	packet->data -= 14;
	packet->length += 14;
	memcpy(packet->data, header, 14);
	return packet;
}

/* Fill a frame that is too short up with zeros. */
static void pad(struct vionet_packet *packet)
{
	if (packet->length < 60 &&
	    vionet_packet_tailroom(packet) >= 60 - packet->length) {
		memset(packet->data + packet->length, 0, 60 - packet->length);
		packet->length = 60;
	}
}

/* Called when the device has sent a frame of registered memory. */
static void was_sent(void *frame, void *context)
{
	(void)frame;
	++*(unsigned int *)context;
}

/* Send a frame of registered memory. */
static uint32_t send_in_place(struct vionet_queue *tx, struct vionet_memory *memory,
			      void *frame, uint32_t length, unsigned int *sent)
{
	struct vionet_packet *packet;

	if (vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1) != 1)
		return 0;
	if (vionet_packet_attach(packet, memory, frame, length, was_sent, sent) ||
	    vionet_queue_transmit(tx, &packet, 1) != 1) {
		vionet_packet_free(&packet, 1);
		return 0;
	}
	return 1;
}

/* Store the time in a packet, and read it when the packet returns. */
static void stamp(struct vionet_packet *packet, uint64_t now)
{
	*vionet_packet_user(packet) = now;
}

/* Print how many packets of a pool are free. */
static void print_pool(const struct vionet_pool *pool)
{
	printf("%u packets are free\n", vionet_pool_available(pool));
}

int main(int argc, char **argv)
{
	static const uint8_t header[14] = { 255, 255, 255, 255, 255, 255 };
	struct vionet_device *first = NULL, *second = NULL;
	static uint8_t frame[4096] __attribute__((aligned(4096)));
	struct vionet_memory *memory;
	unsigned int sent = 0;

	if (argc != 3 || vionet_device_open(argv[1], NULL, &first) ||
	    vionet_device_open(argv[2], NULL, &second))
		return 1;
	struct vionet_pool *pool = make_pool(first, second);

	if (pool && vionet_device_start(second, NULL) == 0) {
		struct vionet_queue *tx = vionet_device_tx_queue(second, 0);
		struct vionet_packet *packet = wrap(pool, "hello", 5, header);

		if (packet) {
			pad(packet);
			stamp(packet, 1);
			if (vionet_queue_transmit(tx, &packet, 1) != 1)
				vionet_packet_free(&packet, 1);
		}
		if (vionet_memory_register(second, frame, sizeof(frame),
					   VIONET_DEVICE_READS, &memory) == 0)
			send_in_place(tx, memory, frame, 60, &sent);
		vionet_queue_drain(tx, 1000);
		print_pool(pool);
	}
	vionet_device_close(second);
	return vionet_device_close(first) != 0;
}
