/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network device's configuration structure, and what changes it at run time: link,
 * speed, MAC address, announcements, by command of the control socket. Never changes the
 * MTU ("The device MUST NOT modify mtu once it has been set").
 */
#include <errno.h>
#include <stdlib.h>

#include "softnic/net/internal.h"

#define STATUS_LINK_UP 1u
#define STATUS_ANNOUNCE 2u

#define CONFIG_SIZE 28u

/* Seconds that the driver may take to answer an announcement before that is held
 * against it, unless the command says otherwise: no figure of the specification's. */
#define ANNOUNCE_WAIT 10u

void config_begin(struct net *net)
{
	const struct options *options = net->device->options;

	memcpy(net->permanent_mac, options->mac, sizeof(net->permanent_mac));
	net->link_up = true;
	net->speed = options->speed;
	net->duplex = options->duplex;
}

/* The end of the last field whose feature is offered. */
size_t net_config_size(const struct device *device)
{
	static const struct {
		enum feature feature;
		size_t end;
	} fields[] = {
		{ FT_MAC, 6 },	   { FT_STATUS, 8 },	   { FT_MQ, 10 },
		{ FT_RSS, 24 },	   { FT_HASH_REPORT, 24 }, { FT_MTU, 12 },
		{ FT_HASH_TUNNEL, 28 }, { FT_SPEED_DUPLEX, 17 },
	};
	size_t size = 6, i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (features_have(&device->offered, fields[i].feature) &&
		    fields[i].end > size)
			size = fields[i].end;
	}
	return size;
}

static void config_fill(const struct device *device, uint8_t *config)
{
	const struct net *net = device->net;
	const struct options *options = device->options;

	memset(config, 0, CONFIG_SIZE);
	memcpy(config, net->mac, 6);
	net_put_le16(config + 6, (net->link_up ? STATUS_LINK_UP : 0) |
					 (net->announce ? STATUS_ANNOUNCE : 0));
	net_put_le16(config + 8, options->queue_pairs);
	net_put_le16(config + 10, device->mtu);
	net_put_le32(config + 12, net->speed);
	config[16] = net->duplex;
	config[17] = KEY_MAX;
	net_put_le16(config + 18, TABLE_MAX);
	net_put_le32(config + 20, HASH_TYPES);
	net_put_le32(config + 24, TUNNEL_TYPES);
}

void net_config_read(struct device *device, size_t offset, void *data,
		     size_t size)
{
	uint8_t config[CONFIG_SIZE];

	config_fill(device, config);
	memset(data, 0, size);
	if (offset >= sizeof(config))
		return;
	if (size > sizeof(config) - offset)
		size = sizeof(config) - offset;
	memcpy(data, config + offset, size);
}

/* ---- changes ---- */

void config_mac(struct net *net, const uint8_t *mac)
{
	memcpy(net->mac, mac, 6);
}

void config_link(struct net *net, bool up)
{
	if (net->link_up == up)
		return;
	net->link_up = up;
	config_changed(net->device);
}

static int config_change_link(struct net *net, const char *word)
{
	bool up = strcmp(word, "up") == 0;

	if (!up && strcmp(word, "down") != 0)
		return -EINVAL;
	config_link(net, up);
	return 0;
}

static int config_change_mac(struct net *net, const char *word)
{
	unsigned int byte[6], i;
	uint8_t mac[6];
	char rest;

	if (sscanf(word, "%2x:%2x:%2x:%2x:%2x:%2x%c", &byte[0], &byte[1],
		   &byte[2], &byte[3], &byte[4], &byte[5], &rest) != 6)
		return -EINVAL;
	for (i = 0; i < 6; i++)
		mac[i] = (uint8_t)byte[i];
	memcpy(net->permanent_mac, mac, 6);
	config_mac(net, mac);
	config_changed(net->device);
	return 0;
}

static int config_change_speed(struct net *net, const char *word)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(word, &end, 10);
	if (errno || end == word || value > UINT32_MAX || word[0] == '-')
		return -EINVAL;
	if (strcmp(end, " half") == 0)
		net->duplex = 0;
	else if (*end == '\0' || strcmp(end, " full") == 0)
		net->duplex = 1;
	else
		return -EINVAL;
	net->speed = (uint32_t)value;
	config_changed(net->device);
	return 0;
}

static int config_announce(struct net *net, const char *word)
{
	unsigned int seconds = ANNOUNCE_WAIT;
	char rest;

	if (*word && (sscanf(word, " %u%c", &seconds, &rest) != 1 ||
		      seconds == 0 || seconds > ANNOUNCE_MOST))
		return -EINVAL;
	/* A front end that keeps the control queue keeps the acknowledgement too. */
	if (!net_has(net, FT_GUEST_ANNOUNCE) || !net_has(net, FT_CTRL_VQ))
		return -EOPNOTSUPP;
	net->announce = true;
	net->announced = clock_now();
	net->announce_wait = seconds * SECOND;
	config_changed(net->device);
	return 0;
}

void config_announced(struct net *net)
{
	net->announced = 0;
	if (net_fault(net, FAULT_CTRL_ANNOUNCE_STAYS)) {
		net->announced = clock_now();
		config_changed(net->device);
		return;
	}
	net->announce = false;
}

bool announce_due(struct net *net)
{
	if (net->announced == 0 || !net->announce ||
	    clock_now() - net->announced < net->announce_wait)
		return false;
	net->announced = 0;
	violation(net->device, "CVQ-14", "no ANNOUNCE_ACK within %llu s of the "
		  "ANNOUNCE bit",
		  (unsigned long long)(net->announce_wait / SECOND));
	return true;
}

int64_t announce_deadline(const struct net *net)
{
	uint64_t now;

	if (net->announced == 0 || !net->announce)
		return -1;
	now = clock_now();
	if (now - net->announced >= net->announce_wait)
		return 0;
	return (int64_t)(net->announce_wait - (now - net->announced));
}

/* ---- the control socket ---- */

static int config_run(struct net *net, const char *line, FILE *out)
{
	if (strncmp(line, "link ", 5) == 0)
		return config_change_link(net, line + 5);
	if (strncmp(line, "mac ", 4) == 0)
		return config_change_mac(net, line + 4);
	if (strncmp(line, "speed ", 6) == 0)
		return config_change_speed(net, line + 6);
	if (strncmp(line, "announce", 8) == 0)
		return config_announce(net, line + 8);
	if (strcmp(line, "stats") == 0) {
		stats_print(net, out);
		return 0;
	}
	if (strcmp(line, "totals") == 0) {
		stats_totals(net, out);
		return 0;
	}
	return -ENOENT;
}

int net_command(struct device *device, const char *line, FILE *out)
{
	int result = config_run(device->net, line, out);

	if (result == 0)
		return 0;
	if (result == -ENOENT)
		return -EINVAL;
	if (result == -EOPNOTSUPP)
		fprintf(out, "error: %s: the driver has not negotiated "
			     "GUEST_ANNOUNCE and a control queue\n",
			line);
	else
		fprintf(out, "error: %s: not understood; link up|down, mac "
			     "XX:XX:XX:XX:XX:XX, speed N [full|half], announce "
			     "[SECONDS], "
			     "stats, totals\n", line);
	return 1;
}
