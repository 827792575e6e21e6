/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands of vm_features. A command is words; its reply is "ok" with values as
 * KEY=VALUE, or "error -N TEXT" from the library. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/net/pool.h"
#include "driver/ring/slow_path.h"
#include "driver/state/queue.h"
#include "features.h"

#define WORDS_MAX 16
#define LIST_MAX 256

static uint32_t number(const char *word)
{
	return word ? (uint32_t)strtoul(word, NULL, 0) : 0;
}

static bool is_on(const char *word)
{
	return word && strcmp(word, "on") == 0;
}

static size_t read_hex(const char *text, uint8_t *bytes, size_t room)
{
	size_t count = 0;

	for (; text && count < room && text[0] && text[1]; text += 2) {
		char pair[3] = { text[0], text[1], 0 };

		bytes[count++] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return count;
}

static struct vionet_queue *queue(struct agent *agent, const char *side,
				  const char *pair)
{
	return side && strcmp(side, "tx") == 0 ?
		       vionet_device_tx_queue(agent->device, number(pair)) :
		       vionet_device_rx_queue(agent->device, number(pair));
}

/* ---- state ---- */

static int do_hello(struct agent *agent, char **word)
{
	(void)agent;
	(void)word;
	return 0;
}

static int do_info(struct agent *agent, char **word)
{
	struct vionet_queue *tx = vionet_device_tx_queue(agent->device, 0);
	struct vionet_queue *rx = vionet_device_rx_queue(agent->device, 0);
	struct vionet_queue_stats sent = { .struct_size = sizeof(sent) },
		received = { .struct_size = sizeof(received) };
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	int result = vionet_device_info(agent->device, &info);

	(void)word;
	if (result || vionet_queue_stats(tx, &sent) ||
	    vionet_queue_stats(rx, &received))
		return result;
	features_say(agent, " offered=%016" PRIx64 "%016" PRIx64
		     " negotiated=%016" PRIx64 "%016" PRIx64,
		     info.offered.word[1], info.offered.word[0],
		     info.negotiated.word[1], info.negotiated.word[0]);
	features_say(agent, " mac=%02x%02x%02x%02x%02x%02x mtu=%u up=%d speed=%u duplex=%d",
		     info.mac[0], info.mac[1], info.mac[2], info.mac[3],
		     info.mac[4], info.mac[5], info.mtu, info.link_up,
		     info.link_speed, info.link_duplex);
	features_say(agent, " header=%u pairs=%u vectors=%u rx_size=%u tx_size=%u",
		     info.header_size, info.queue_pairs, info.vectors,
		     received.size, sent.size);
	return 0;
}

static int do_counters(struct agent *agent, char **word)
{
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	uint64_t interrupts = 0;

	(void)word;
	for (unsigned int i = 0; i < agent->start.queue_pairs; i++) {
		vionet_queue_stats(vionet_device_rx_queue(agent->device, i), &stats);
		interrupts += stats.interrupts;
		features_say(agent, " rx%u=%" PRIu64, i, stats.packets);
		vionet_queue_stats(vionet_device_tx_queue(agent->device, i), &stats);
		features_say(agent, " tx%u=%" PRIu64 " kicks%u=%" PRIu64 " left%u=%u",
			     i, stats.packets, i, stats.kicks, i, stats.in_flight);
	}
	features_say(agent, " interrupts=%" PRIu64 " late=%" PRIu64
		     " announced=%" PRIu64 " links=%" PRIu64, interrupts,
		     agent->late, agent->announced, agent->link_events);
	return 0;
}

static int do_stats(struct agent *agent, char **word)
{
	struct vionet_stat statistic[VIONET_STATS_MAX];
	unsigned int count = 0;
	int result = vionet_stats_read(agent->device, number(word[1]),
				       statistic, sizeof(statistic[0]),
				       VIONET_STATS_MAX, &count);

	for (unsigned int i = 0; !result && i < count; i++)
		features_say(agent, " %s=%" PRIu64, statistic[i].name,
			     statistic[i].value);
	return result;
}

static int do_tag(struct agent *agent, char **word)
{
	agent->tag = is_on(word[1]);
	return 0;
}

/* ---- address and filters ---- */

static int do_mac(struct agent *agent, char **word)
{
	uint8_t mac[6] = { 0 };

	read_hex(word[1], mac, sizeof(mac));
	return vionet_mac_set(agent->device, mac);
}

static int do_mode(struct agent *agent, char **word)
{
	static const char *const names[] = { "promisc", "allmulti", "alluni",
					     "nomulti", "nouni", "nobcast" };

	for (unsigned int i = 0; word[1] && i < 6; i++)
		if (strcmp(word[1], names[i]) == 0)
			return vionet_filter_mode_set(agent->device, i,
						      is_on(word[2]));
	return -22;
}

/* macs UNICAST MULTICAST: addresses one behind the other, or "-" */
static int do_macs(struct agent *agent, char **word)
{
	uint8_t unicast[16][6], multicast[16][6];
	size_t ours = read_hex(word[1], unicast[0], sizeof(unicast)) / 6;
	size_t theirs = read_hex(word[2], multicast[0], sizeof(multicast)) / 6;

	return vionet_filter_macs_set(agent->device,
				      (const uint8_t(*)[6])unicast, (uint32_t)ours,
				      (const uint8_t(*)[6])multicast,
				      (uint32_t)theirs);
}

static int do_vlan(struct agent *agent, char **word)
{
	uint16_t vlan = (uint16_t)number(word[2]);

	return word[1] && strcmp(word[1], "add") == 0 ?
		       vionet_filter_vlan_add(agent->device, vlan) :
		       vionet_filter_vlan_delete(agent->device, vlan);
}

/* ---- steering ---- */

static int do_pairs(struct agent *agent, char **word)
{
	return vionet_queue_pairs_set(agent->device, number(word[1]));
}

/* hash TYPES KEY */
static int do_hash(struct agent *agent, char **word)
{
	uint8_t key[64];
	size_t size = read_hex(word[2], key, sizeof(key));

	return vionet_hash_set(agent->device, number(word[1]), key,
			       (uint32_t)size);
}

/* rss TYPES KEY UNCLASSIFIED PAIR,PAIR,... */
static int do_rss(struct agent *agent, char **word)
{
	uint16_t table[LIST_MAX];
	uint8_t key[64];
	char *rest = word[4], *entry;
	struct vionet_rss rss = {
		.struct_size = sizeof(rss),
		.hash_types = number(word[1]), .table = table, .key = key,
		.unclassified = (uint16_t)number(word[3]),
	};

	rss.key_size = (uint32_t)read_hex(word[2], key, sizeof(key));
	while ((entry = strsep(&rest, ",")) && rss.table_size < LIST_MAX)
		table[rss.table_size++] = (uint16_t)number(entry);
	return vionet_rss_set(agent->device, &rss);
}

/* ---- failure and suspend ---- */

static void report(struct agent *agent, const struct vionet_recovery *recovery)
{
	features_say(agent, " tx_unknown=%" PRIu64 " rx_lost=%" PRIu64
		     " ms=%.2f", recovery->tx_unknown,
		     recovery->rx_lost, recovery->milliseconds);
}

static int do_reset(struct agent *agent, char **word)
{
	struct vionet_recovery recovery = { .struct_size = sizeof(recovery) };
	int result = vionet_queue_reset(queue(agent, word[1], word[2]), &recovery);

	report(agent, &recovery);
	return result;
}

static int do_resize(struct agent *agent, char **word)
{
	struct vionet_recovery recovery = { .struct_size = sizeof(recovery) };
	int result = vionet_queue_resize(queue(agent, word[1], word[2]),
					 number(word[3]), &recovery);

	report(agent, &recovery);
	return result;
}

static int do_recover(struct agent *agent, char **word)
{
	struct vionet_recovery recovery = { .struct_size = sizeof(recovery) };
	int result = vionet_device_recover(agent->device, &recovery);

	(void)word;
	report(agent, &recovery);
	return result;
}

/* Post an empty buffer, which the library never does, to make the device fail. look() in
 * features.c starts the recovery. */
static int do_break(struct agent *agent, char **word)
{
	struct vionet_queue *tx = vionet_device_tx_queue(agent->device, 0);
	struct vn_element element = { .iova = 0x10000, .length = 0 };
	struct vionet_packet *packet;

	(void)word;
	if (vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1) != 1)
		return -12;
	packet->state = VN_PACKET_DEVICE;
	return vn_queue_submit(tx, &element, 1, 0, (vn_slot)packet);
}

static int do_suspend(struct agent *agent, char **word)
{
	int result = vionet_device_suspend(agent->device);

	(void)word;
	return result ? result : vionet_device_resume(agent->device);
}

static int do_coalesce(struct agent *agent, char **word)
{
	struct vionet_coalescing coalescing = { sizeof(coalescing), number(word[1]),
						number(word[2]), 0 };

	return vionet_coalescing_set(agent->device, false, &coalescing);
}

static int do_again(struct agent *agent, char **word)
{
	int result = vionet_device_stop(agent->device);

	(void)word;
	return result ? result : vionet_device_start(agent->device, &agent->start);
}

static int do_quit(struct agent *agent, char **word)
{
	(void)word;
	agent->over = true;
	return 0;
}

static const struct {
	const char *name;
	int (*carry_out)(struct agent *agent, char **word);
} commands[] = {
	{ "hello", do_hello },	     { "info", do_info },
	{ "counters", do_counters }, { "statistics", do_stats },
	{ "tag", do_tag },	     { "mac", do_mac },
	{ "mode", do_mode },	     { "macs", do_macs },
	{ "vlan", do_vlan },	     { "pairs", do_pairs },
	{ "hash", do_hash },	     { "rss", do_rss },
	{ "reset", do_reset },	     { "resize", do_resize },
	{ "recover", do_recover },   { "break", do_break },
	{ "suspend", do_suspend },   { "coalesce", do_coalesce },
	{ "again", do_again },	     { "quit", do_quit },
};

static int carry_out(struct agent *agent, char **word)
{
	for (size_t i = 0; word[0] && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(word[0], commands[i].name) == 0)
			return commands[i].carry_out(agent, word);
	features_say(agent, "unknown command");
	return -22;
}

void features_command(struct agent *agent, char *text)
{
	char *word[WORDS_MAX + 1] = { NULL }, *rest = text, *at;
	int result;

	for (unsigned int i = 0; i < WORDS_MAX && (at = strsep(&rest, " "));)
		if (*at)
			word[i++] = at;
	snprintf(agent->answer, sizeof(agent->answer), "ok");
	result = carry_out(agent, word);
	if (result)
		snprintf(agent->answer, sizeof(agent->answer), "error %d %s", result,
			 vionet_error_text());
}
