/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames with numbers go out and come back (the device's other end sends all back), each once. In between queues are reset, or the
 * device is stopped and started or recovered, with frames under way: these may be lost, and are counted, but none comes twice.
 * How long the device takes for something is not what is looked at: its limits are as long as they can be, and it fails when
 * nothing at all has come for five minutes.
 *
 * soak DEVICE PACKETS [queue-reset|restart|recover EVERY]
 *
 * Prints one JSON object. Exit codes: 0 as it should be; 1 frames lost or twice, or an error; 2 usage; 5 the device has gone.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vionet/vionet.h>

#define BURST 32
#define WINDOW 192
#define SEEN 65536u /* numbers that are remembered */
#define FRAME 64
#define STALLED 300 /* seconds */

struct soak {
	const char *name;
	struct vionet_device *device;
	struct vionet_queue *rx, *tx;
	uint64_t sent, received, expected;
	uint64_t lost, twice, foreign; /* lost: while nothing was reset */
	uint64_t reset_losses;	       /* under way at a reset, and not come since */
	uint64_t actions, opened;
	time_t received_at;
	uint8_t seen[SEEN / 8];
	long rss_begin;
	int fds_begin;
};

/* ---- what it takes ---- */

static long resident_kb(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[128];
	long kb = -1;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "VmRSS: %ld", &kb) == 1)
			break;
	if (file != NULL)
		fclose(file);
	return kb;
}

static int open_files(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	while (directory != NULL && readdir(directory) != NULL)
		count++;
	if (directory != NULL)
		closedir(directory);
	return count;
}

/* ---- frames ---- */

static void fill(uint8_t *frame, uint64_t number)
{
	static const uint8_t header[14] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };

	memcpy(frame, header, sizeof(header));
	memcpy(frame + 14, &number, sizeof(number));
	for (int i = 22; i < FRAME; i += 7)
		frame[i] = (uint8_t)(number * 31 + (uint64_t)i);
}

static int is_whole(const struct vionet_packet *packet, uint64_t *number)
{
	if (packet->length != FRAME || packet->data[12] != 0x88 || packet->data[13] != 0xb5)
		return 0;
	memcpy(number, packet->data + 14, sizeof(*number));
	for (int i = 22; i < FRAME; i += 7)
		if (packet->data[i] != (uint8_t)(*number * 31 + (uint64_t)i))
			return 0;
	return 1;
}

static void take(struct soak *soak, const struct vionet_packet *packet)
{
	uint64_t number;
	uint8_t bit;

	if (!is_whole(packet, &number) || number >= soak->sent) {
		soak->foreign++;
		return;
	}
	bit = (uint8_t)(1u << number % 8);
	if (number < soak->expected) {
		/* From before a reset: the other end had it. */
		if (soak->expected - number > SEEN / 2 || soak->seen[number % SEEN / 8] & bit)
			soak->twice++;
		else
			soak->reset_losses--;
	} else {
		soak->lost += number - soak->expected;
		for (uint64_t i = soak->expected; i < number; i++)
			soak->seen[i % SEEN / 8] &= (uint8_t) ~(1u << i % 8);
		soak->expected = number + 1;
	}
	soak->seen[number % SEEN / 8] |= bit;
	soak->received++;
}

static void send_some(struct soak *soak, uint64_t total)
{
	struct vionet_packet *packets[BURST];
	uint64_t room = WINDOW - (soak->sent - soak->expected);
	uint32_t want = room < BURST ? (uint32_t)room : BURST, count, taken;

	if (want > total - soak->sent)
		want = (uint32_t)(total - soak->sent);
	count = vionet_packet_alloc(vionet_queue_pool(soak->tx), packets, want);
	for (uint32_t i = 0; i < count; i++) {
		fill(packets[i]->data, soak->sent + i);
		packets[i]->length = FRAME;
	}
	taken = vionet_queue_transmit(soak->tx, packets, count);
	soak->sent += taken;
	if (taken < count)
		vionet_packet_free(packets + taken, count - taken);
}

static uint32_t receive_some(struct soak *soak)
{
	struct vionet_packet *packets[BURST];
	uint32_t count = vionet_queue_receive(soak->rx, packets, BURST);

	for (uint32_t i = 0; i < count; i++)
		take(soak, packets[i]);
	vionet_packet_free(packets, count);
	return count;
}

/* ---- what happens in between ---- */

/* What is under way may be lost, and has its place in what was seen. */
static void soak_fail(struct soak *soak)
{
	for (; soak->expected < soak->sent; soak->expected++, soak->reset_losses++)
		soak->seen[soak->expected % SEEN / 8] &= (uint8_t) ~(1u << soak->expected % 8);
}

static int start(struct soak *soak)
{
	int result = vionet_device_start(soak->device, NULL);

	soak->rx = vionet_device_rx_queue(soak->device, 0);
	soak->tx = vionet_device_tx_queue(soak->device, 0);
	return result;
}

static int open_and_start(struct soak *soak)
{
	const struct vionet_open_options patient = { .struct_size = sizeof(patient),
						     .control_timeout_ms = 60000,
						     .reset_timeout_ms = 600000,
						     .reply_timeout_ms = 600000 };
	int result = vionet_device_open(soak->name, &patient, &soak->device);

	soak->opened++;
	return result < 0 ? result : start(soak);
}

/* Of one device the library takes five within ten seconds. */
static int recover(struct soak *soak)
{
	int result = vionet_device_recover(soak->device, NULL);

	if (result != -EAGAIN)
		return result;
	result = vionet_device_close(soak->device);
	soak->device = NULL;
	if (result == 0)
		result = open_and_start(soak);
	return result < 0 ? result : vionet_device_recover(soak->device, NULL);
}

static int act(struct soak *soak, const char *action)
{
	int result;

	soak->actions++;
	if (strcmp(action, "queue-reset") == 0) {
		result = vionet_queue_reset(soak->actions % 2 ? soak->rx : soak->tx, NULL);
	} else if (strcmp(action, "recover") == 0) {
		result = recover(soak);
	} else {
		result = vionet_device_stop(soak->device);
		if (result == 0)
			result = start(soak);
	}
	soak_fail(soak);
	return result;
}

/* Whether it is so long ago that something came. */
static int is_stalled(struct soak *soak, uint32_t received)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (received != 0 || soak->received_at == 0)
		soak->received_at = now.tv_sec;
	if (now.tv_sec - soak->received_at < STALLED)
		return 0;
	fprintf(stderr, "soak: nothing has come for %d s\n", STALLED);
	return 1;
}

static int run(struct soak *soak, uint64_t total, const char *action, uint64_t every)
{
	uint64_t next = action != NULL ? every : UINT64_MAX;
	uint32_t received;
	int result = 0;

	while (result >= 0 && soak->expected < total) {
		send_some(soak, total);
		vionet_queue_reclaim(soak->tx);
		received = receive_some(soak);
		if (is_stalled(soak, received))
			return -ETIMEDOUT;
		if (received == 0) {
			result = vionet_queue_check(soak->tx);
			if (result == 0)
				result = vionet_queue_wait(soak->rx, 20, 100);
		}
		if (soak->sent >= next && result >= 0) {
			result = act(soak, action);
			next += every;
		}
		if (soak->rss_begin == 0 && soak->expected >= total / 10) {
			soak->rss_begin = resident_kb();
			soak->fds_begin = open_files();
		}
	}
	return result;
}

static void say(void *context, enum vionet_log_level level, const char *text)
{
	(void)context;
	(void)level;
	fprintf(stderr, "soak: %s\n", text);
}

int main(int argc, char **argv)
{
	static struct soak soak;
	int result;

	if (argc != 3 && argc != 5) {
		fprintf(stderr, "usage: soak DEVICE PACKETS [queue-reset|restart|recover EVERY]\n");
		return 2;
	}
	soak.name = argv[1];
	vionet_log_set(say, NULL, VIONET_LOG_WARNING);
	result = open_and_start(&soak);
	if (result == 0) {
		fprintf(stderr, "soak: going\n");
		result = run(&soak, strtoull(argv[2], NULL, 10), argc == 5 ? argv[3] : NULL,
			     argc == 5 ? strtoull(argv[4], NULL, 10) : 0);
	}
	if (result < 0)
		fprintf(stderr, "soak: %s\n", vionet_error_text());
	printf("{\"sent\": %ju, \"received\": %ju, \"lost\": %ju, \"twice\": %ju, \"foreign\": %ju, \"reset_losses\": %ju, "
	       "\"actions\": %ju, \"opened\": %ju, \"rss_kb\": [%ld, %ld], \"fds\": [%d, %d]}\n",
	       (uintmax_t)soak.sent, (uintmax_t)soak.received, (uintmax_t)soak.lost, (uintmax_t)soak.twice,
	       (uintmax_t)soak.foreign, (uintmax_t)soak.reset_losses, (uintmax_t)soak.actions, (uintmax_t)soak.opened,
	       soak.rss_begin, resident_kb(), soak.fds_begin, open_files());
	if (vionet_device_close(soak.device) < 0 && result == 0)
		result = -1;
	if (result < 0)
		return result == -ENODEV || result == -EIO ? 5 : 1;
	return soak.lost != 0 || soak.twice != 0 || soak.foreign != 0;
}
