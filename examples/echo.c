/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host that answers ARP and ping: the reply is made in the buffer that the request
 * arrived in, and sent from there, so nothing is copied.
 *
 * echo 0000:00:04.0 192.0.2.2      until Ctrl-C
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <vionet/vionet.h>

#define BURST 32

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static void swap(uint8_t *a, uint8_t *b, size_t size)
{
	uint8_t kept[16];

	memcpy(kept, a, size);
	memcpy(a, b, size);
	memcpy(b, kept, size);
}

/* An ARP request for our address becomes the answer to it. */
static int answer_arp(uint8_t *d, uint32_t length, const uint8_t *mac,
		      const uint8_t *ip)
{
	static const uint8_t request[] = { 0, 1, 8, 0, 6, 4, 0, 1 };

	if (length < 42 || memcmp(d + 14, request, sizeof(request)) != 0 ||
	    memcmp(d + 38, ip, 4) != 0)
		return 0;
	d[21] = 2;
	memcpy(d + 32, d + 22, 10); /* the sender becomes the target */
	memcpy(d + 22, mac, 6);
	memcpy(d + 28, ip, 4);
	memcpy(d, d + 6, 6);
	memcpy(d + 6, mac, 6);
	return 1;
}

/* An echo request becomes a reply. Only the ICMP type changes what is summed: 8
 * less in the first word, so 8 more in the checksum's (RFC 1624). */
static int answer_ping(uint8_t *d, uint32_t length, const uint8_t *mac,
		       const uint8_t *ip)
{
	uint32_t header = (d[14] & 0xfu) * 4u;
	uint8_t *icmp = d + 14 + header;
	uint32_t sum;

	if (length < 42 || d[14] >> 4 != 4 || header < 20 ||
	    length < 14 + header + 8 || d[23] != 1 || memcmp(d + 30, ip, 4) != 0 ||
	    icmp[0] != 8)
		return 0;
	icmp[0] = 0;
	sum = ((uint32_t)icmp[2] << 8 | icmp[3]) + 0x800;
	sum = (sum & 0xffff) + (sum >> 16);
	icmp[2] = (uint8_t)(sum >> 8);
	icmp[3] = (uint8_t)sum;
	swap(d + 26, d + 30, 4);
	memcpy(d, d + 6, 6);
	memcpy(d + 6, mac, 6);
	return 1;
}

static int answer(struct vionet_packet *packet, const uint8_t *mac,
		  const uint8_t *ip)
{
	uint8_t *d = packet->data;
	unsigned int type = (unsigned int)d[12] << 8 | d[13];

	if (type == 0x0806)
		return answer_arp(d, packet->length, mac, ip);
	if (type == 0x0800 && packet->length > 14)
		return answer_ping(d, packet->length, mac, ip);
	return 0;
}

static int run(struct vionet_device *device, const uint8_t *mac,
	       const uint8_t *ip)
{
	struct vionet_queue *rx = vionet_device_rx_queue(device, 0);
	struct vionet_queue *tx = vionet_device_tx_queue(device, 0);
	struct vionet_packet *packets[BURST];
	int ready = 0;

	while (!stop && ready >= 0) {
		uint32_t count = vionet_queue_receive(rx, packets, BURST);

		for (uint32_t i = 0; i < count; i++)
			if (!answer(packets[i], mac, ip) ||
			    vionet_queue_transmit(tx, &packets[i], 1) != 1)
				vionet_packet_free(&packets[i], 1);
		vionet_queue_reclaim(tx);
		if (count == 0)
			ready = vionet_queue_wait(rx, 50, 1000);
	}
	if (ready < 0)
		fprintf(stderr, "echo: %s\n", vionet_error_text());
	return ready < 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct vionet_device *device = NULL;
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	uint8_t ip[4];
	int result;

	if (argc != 3 || inet_pton(AF_INET, argv[2], ip) != 1) {
		fprintf(stderr, "usage: echo DEVICE IPV4-ADDRESS\n");
		return 2;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (vionet_device_open(argv[1], NULL, &device) ||
	    vionet_device_info(device, &info) ||
	    vionet_device_start(device, NULL)) {
		fprintf(stderr, "echo: %s\n", vionet_error_text());
		vionet_device_close(device);
		return 1;
	}
	fprintf(stderr, "echo: answering for %s\n", argv[2]);
	result = run(device, info.mac, ip);
	vionet_device_close(device);
	return result;
}
