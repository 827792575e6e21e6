/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends every frame back as it came, byte for byte, on the pair that it came on; but a
 * frame of the kind 0x88b6 is a command ("C rss ..."), with a reply of that kind
 * ("A ..."). tests/vm/matrix, on the other side of the device, sends both and checks
 * what comes back.
 *
 *   vm_features DEVICE NAME [KEY=VALUE...]
 *
 * pairs, rx_size, tx_size, vectors, buffer: numbers of vionet_start_options; need,
 * want, avoid: features; poll=1: no interrupts.
 *
 * Exit status: 0 ended by a command; 1 a failure, printed on stdout; 2 usage; 3 nothing has
 * come for ten seconds (a minute at the beginning).
 */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "features.h"

#define BURST 32
#define SILENCE 10.0 /* seconds */
#define KIND_HIGH 0x88
#define KIND_LOW 0xb6

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void features_say(struct agent *agent, const char *format, ...)
{
	size_t used = strlen(agent->answer);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(agent->answer + used, sizeof(agent->answer) - used, format,
		  arguments);
	va_end(arguments);
}

static int failed(const struct agent *agent, const char *what, int result)
{
	printf("%s: %s: %d %s\n", agent->name, what, result, vionet_error_text());
	fflush(stdout);
	return 1;
}

/* ---- frames of our own ---- */

static struct vionet_packet *fresh(struct vionet_queue *tx)
{
	struct vionet_packet *packet = NULL;

	vionet_queue_reclaim(tx);
	vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1);
	return packet;
}

static void send_answer(struct agent *agent)
{
	struct vionet_queue *tx = vionet_device_tx_queue(agent->device, 0);
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_packet *packet = tx ? fresh(tx) : NULL;
	size_t length = strlen(agent->answer);

	if (!packet || vionet_device_info(agent->device, &info))
		return;
	memset(packet->data, 0xff, 6);
	memcpy(packet->data + 6, info.mac, 6);
	packet->data[12] = KIND_HIGH;
	packet->data[13] = KIND_LOW;
	memcpy(packet->data + 14, "A ", 2);
	memset(packet->data + 16, 0, 44);
	memcpy(packet->data + 16, agent->answer, length);
	packet->length = length > 44 ? (uint32_t)length + 16 : 60;
	if (vionet_queue_transmit(tx, &packet, 1) != 1)
		vionet_packet_free(&packet, 1);
}

static void announce(struct agent *agent)
{
	struct vionet_queue *tx = vionet_device_tx_queue(agent->device, 0);
	struct vionet_packet *packet = tx ? fresh(tx) : NULL;

	if (!packet)
		return;
	vionet_announcement_write(agent->device, packet->data);
	packet->length = VIONET_ANNOUNCEMENT_SIZE;
	if (vionet_queue_transmit(tx, &packet, 1) == 1)
		agent->announced++;
	else
		vionet_packet_free(&packet, 1);
}

/* ---- frames from outside ---- */

/* Free the packet first: a command may stop the device, and its pools with it. */
static void obey(struct agent *agent, struct vionet_packet *packet)
{
	char text[ANSWER_MAX];
	uint32_t length = packet->length - 16;

	if (length >= sizeof(text))
		length = sizeof(text) - 1;
	memcpy(text, packet->data + 16, length);
	text[length] = 0;
	vionet_packet_free(&packet, 1);
	agent->talking = true;
	features_command(agent, text);
	send_answer(agent);
}

static bool is_command(const struct vionet_packet *packet)
{
	return packet->length > 16 && packet->data[12] == KIND_HIGH &&
	       packet->data[13] == KIND_LOW && packet->data[14] == 'C';
}

/* Write the packet's metadata into the frame, for the other side. */
static void write_tag(struct vionet_packet *packet, unsigned int pair)
{
	uint8_t *d = packet->data;

	d[0] = (uint8_t)pair;
	d[1] = 0;
	d[2] = (uint8_t)(packet->hash_report >> 8);
	d[3] = (uint8_t)packet->hash_report;
	for (unsigned int i = 0; i < 4; i++)
		d[4 + i] = (uint8_t)(packet->hash_value >> (24 - 8 * i));
}

static void send_back(struct agent *agent, unsigned int pair,
		      struct vionet_packet *packet)
{
	struct vionet_queue *tx = vionet_device_tx_queue(agent->device, pair);

	if (agent->tag)
		write_tag(packet, pair);
	packet->flags = 0;
	packet->gso_type = 0;
	agent->echoed[pair]++;
	/* One window of the sender, which is less than the ring. */
	for (unsigned int i = 0; i < 1000; i++) {
		if (vionet_queue_transmit(tx, &packet, 1) == 1)
			return;
		usleep(1000);
	}
	vionet_packet_free(&packet, 1);
}

static void handle(struct agent *agent, unsigned int pair,
		   struct vionet_packet *packet)
{
	if (is_command(packet))
		obey(agent, packet);
	else
		send_back(agent, pair, packet);
}

static uint32_t burst(struct agent *agent)
{
	struct vionet_packet *packet;
	uint32_t count = 0;

	for (unsigned int pair = 0; pair < agent->start.queue_pairs; pair++) {
		for (unsigned int i = 0; i < BURST; i++) {
			struct vionet_queue *rx =
				vionet_device_rx_queue(agent->device, pair);

			if (!rx || vionet_queue_receive(rx, &packet, 1) == 0)
				break;
			handle(agent, pair, packet);
			count++;
		}
	}
	return count;
}

/* ---- waiting, and what happens meanwhile ---- */

/* Sleep until a receive queue or the device interrupts, or 100 ms. Returns false on a
 * timeout: what is there then came without an interrupt. */
static bool sleep_until_interrupt(struct agent *agent)
{
	struct pollfd fds[PAIRS_MAX + 1];
	unsigned int pairs = agent->start.queue_pairs, armed = 0;
	int ready = 1;

	for (; armed < pairs; armed++) {
		struct vionet_queue *rx =
			vionet_device_rx_queue(agent->device, armed);
		int fd = rx ? vionet_queue_fd(rx) : -1;

		if (fd < 0)
			usleep(200); /* no interrupt: poll */
		if (fd < 0 || vionet_queue_arm(rx) != 0)
			break;
		fds[armed] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	fds[pairs] = (struct pollfd){
		.fd = vionet_device_event_fd(agent->device), .events = POLLIN,
	};
	if (armed == pairs)
		ready = poll(fds, pairs + 1, 100);
	while (armed-- > 0)
		vionet_queue_disarm(vionet_device_rx_queue(agent->device, armed));
	return ready != 0;
}

static void recover(struct agent *agent)
{
	struct vionet_recovery report = { .struct_size = sizeof(report) };
	int result = vionet_device_recover(agent->device, &report);

	if (result) {
		failed(agent, "recover", result);
		agent->over = true;
		return;
	}
	agent->answer[0] = 0;
	features_say(agent, "recovered tx_unknown=%llu rx_lost=%llu ms=%.1f",
		     (unsigned long long)report.tx_unknown,
		     (unsigned long long)report.rx_lost, report.milliseconds);
	printf("%s: %s\n", agent->name, agent->answer);
	fflush(stdout);
	send_answer(agent);
}

static void look(struct agent *agent)
{
	struct vionet_link link = { .struct_size = sizeof(link) };
	uint32_t events;

	if (vionet_device_events(agent->device, &events) || events == 0)
		return;
	if (events & VIONET_EVENT_GONE) {
		failed(agent, "gone", 0);
		agent->over = true;
		return;
	}
	if (events & (VIONET_EVENT_NEEDS_RESET | VIONET_EVENT_QUEUE_BROKEN))
		recover(agent);
	if (events & VIONET_EVENT_ANNOUNCE)
		announce(agent);
	if (events & VIONET_EVENT_LINK && !vionet_device_link(agent->device, &link)) {
		agent->link_events++;
		printf("%s: link %s\n", agent->name, link.up ? "up" : "down");
		fflush(stdout);
	}
}

/* Returns whether anything came. */
static bool be_idle(struct agent *agent)
{
	bool woken = true;

	if (agent->poll)
		usleep(200);
	else
		woken = sleep_until_interrupt(agent);
	look(agent);
	if (agent->over || burst(agent) == 0)
		return false;
	agent->late += !woken;
	return true;
}

/* No frame comes any more: report the progress. */
static int say_state(struct agent *agent)
{
	char look[] = "counters";

	features_command(agent, look);
	printf("%s: silence: %s\n", agent->name, agent->answer);
	return 3;
}

static int run(struct agent *agent)
{
	double heard = now(), said = 0;

	while (!agent->over) {
		if (!agent->talking && now() - said > 0.2) {
			said = now();
			snprintf(agent->answer, sizeof(agent->answer), "ready %s",
				 agent->name);
			send_answer(agent);
		}
		if (burst(agent) || be_idle(agent))
			heard = now();
		if (now() - heard > SILENCE + (agent->talking ? 0 : 50))
			return say_state(agent);
	}
	/* The last reply is still in flight. */
	if (vionet_device_tx_queue(agent->device, 0))
		vionet_queue_drain(vionet_device_tx_queue(agent->device, 0), 500);
	return 0;
}

/* ---- the beginning ---- */

static int add_features(struct vionet_features *set, const char *list)
{
	char copy[256], *rest = copy, *name;

	snprintf(copy, sizeof(copy), "%s", list);
	while ((name = strsep(&rest, ",")) != NULL) {
		int bit = vionet_feature_bit(name);

		if (bit < 0)
			return -1;
		set->word[bit / 64] |= 1ull << (bit % 64);
	}
	return 0;
}

static int set_option(struct agent *agent, const char *key, const char *value)
{
	struct {
		const char *key;
		uint32_t *number;
	} const numbers[] = {
		{ "pairs", &agent->start.queue_pairs },
		{ "rx_size", &agent->start.rx_queue_size },
		{ "tx_size", &agent->start.tx_queue_size },
		{ "vectors", &agent->start.vectors },
		{ "buffer", &agent->receive.buffer_size },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(key, numbers[i].key) == 0) {
			*numbers[i].number = (uint32_t)strtoul(value, NULL, 0);
			return 0;
		}
	if (strcmp(key, "need") == 0)
		return add_features(&agent->open.need, value);
	if (strcmp(key, "want") == 0)
		return add_features(&agent->open.want, value);
	if (strcmp(key, "avoid") == 0)
		return add_features(&agent->open.avoid, value);
	if (strcmp(key, "poll") != 0)
		return -1;
	agent->poll = true;
	agent->start.flags |= VIONET_START_NO_INTERRUPTS;
	return 0;
}

static int drive(struct agent *agent, const char *device)
{
	int result = vionet_device_open(device, &agent->open, &agent->device);

	if (result)
		return failed(agent, "open", result);
	result = vionet_device_start(agent->device, &agent->start);
	if (result)
		failed(agent, "start", result);
	else
		result = run(agent);
	if (vionet_device_close(agent->device))
		result = failed(agent, "close", -1);
	return result < 0 ? 1 : result;
}

int main(int argc, char **argv)
{
	static struct agent agent = {
		.open.struct_size = sizeof(agent.open),
		.receive.struct_size = sizeof(agent.receive),
		.start = { .struct_size = sizeof(agent.start), .queue_pairs = 1,
			   .rx_pool_options = &agent.receive },
	};

	if (argc < 3)
		return 2;
	agent.name = argv[2];
	for (int i = 3; i < argc; i++) {
		char *key = argv[i], *value = strchr(key, '=');

		if (!value)
			return 2;
		*value++ = 0;
		if (set_option(&agent, key, value) ||
		    agent.start.queue_pairs > PAIRS_MAX) {
			printf("%s: option %s=%s\n", agent.name, key, value);
			return 2;
		}
	}
	return drive(&agent, argv[1]);
}
