/* SPDX-License-Identifier: BSD-3-Clause */
#include "softnic/features.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* DONE: the device can do it. ON: and offers it by default. */
enum support { NAMED, DONE, ON };

static const struct {
	unsigned char bit;
	unsigned char support;
	const char *name;
} table[] = {
	{ FT_CSUM, ON, "CSUM" },
	{ FT_GUEST_CSUM, ON, "GUEST_CSUM" },
	{ FT_CTRL_GUEST_OFFLOADS, ON, "CTRL_GUEST_OFFLOADS" },
	{ FT_MTU, ON, "MTU" },
	{ FT_MAC, ON, "MAC" },
	{ FT_GUEST_TSO4, ON, "GUEST_TSO4" },
	{ FT_GUEST_TSO6, ON, "GUEST_TSO6" },
	{ FT_GUEST_ECN, ON, "GUEST_ECN" },
	{ FT_GUEST_UFO, DONE, "GUEST_UFO" },
	{ FT_HOST_TSO4, ON, "HOST_TSO4" },
	{ FT_HOST_TSO6, ON, "HOST_TSO6" },
	{ FT_HOST_ECN, ON, "HOST_ECN" },
	{ FT_HOST_UFO, DONE, "HOST_UFO" },
	{ FT_MRG_RXBUF, ON, "MRG_RXBUF" },
	{ FT_STATUS, ON, "STATUS" },
	{ FT_CTRL_VQ, ON, "CTRL_VQ" },
	{ FT_CTRL_RX, ON, "CTRL_RX" },
	{ FT_CTRL_VLAN, ON, "CTRL_VLAN" },
	{ FT_CTRL_RX_EXTRA, ON, "CTRL_RX_EXTRA" },
	{ FT_GUEST_ANNOUNCE, ON, "GUEST_ANNOUNCE" },
	{ FT_MQ, ON, "MQ" },
	{ FT_CTRL_MAC_ADDR, ON, "CTRL_MAC_ADDR" },
	{ FT_INDIRECT_DESC, ON, "INDIRECT_DESC" },
	{ FT_EVENT_IDX, ON, "EVENT_IDX" },
	{ FT_VERSION_1, ON, "VERSION_1" },
	{ FT_ACCESS_PLATFORM, ON, "ACCESS_PLATFORM" },
	{ FT_RING_PACKED, ON, "RING_PACKED" },
	{ FT_IN_ORDER, DONE, "IN_ORDER" },
	{ FT_ORDER_PLATFORM, ON, "ORDER_PLATFORM" },
	{ FT_SR_IOV, NAMED, "SR_IOV" },
	{ FT_NOTIFICATION_DATA, DONE, "NOTIFICATION_DATA" },
	{ FT_NOTIF_CONFIG_DATA, DONE, "NOTIF_CONFIG_DATA" },
	{ FT_RING_RESET, ON, "RING_RESET" },
	{ FT_ADMIN_VQ, NAMED, "ADMIN_VQ" },
	{ FT_SUSPEND, DONE, "SUSPEND" },
	{ FT_DEVICE_STATS, ON, "DEVICE_STATS" },
	{ FT_HASH_TUNNEL, DONE, "HASH_TUNNEL" },
	{ FT_VQ_NOTF_COAL, ON, "VQ_NOTF_COAL" },
	{ FT_NOTF_COAL, ON, "NOTF_COAL" },
	{ FT_GUEST_USO4, ON, "GUEST_USO4" },
	{ FT_GUEST_USO6, ON, "GUEST_USO6" },
	{ FT_HOST_USO, ON, "HOST_USO" },
	{ FT_HASH_REPORT, ON, "HASH_REPORT" },
	{ FT_GUEST_HDRLEN, ON, "GUEST_HDRLEN" },
	{ FT_RSS, ON, "RSS" },
	{ FT_RSC_EXT, DONE, "RSC_EXT" },
	{ FT_STANDBY, NAMED, "STANDBY" },
	{ FT_SPEED_DUPLEX, ON, "SPEED_DUPLEX" },
	{ FT_RSS_CONTEXT, DONE, "RSS_CONTEXT" },
	{ FT_GUEST_UDP_TUNNEL_GSO, DONE, "GUEST_UDP_TUNNEL_GSO" },
	{ FT_GUEST_UDP_TUNNEL_GSO_CSUM, DONE, "GUEST_UDP_TUNNEL_GSO_CSUM" },
	{ FT_HOST_UDP_TUNNEL_GSO, DONE, "HOST_UDP_TUNNEL_GSO" },
	{ FT_HOST_UDP_TUNNEL_GSO_CSUM, DONE, "HOST_UDP_TUNNEL_GSO_CSUM" },
	{ FT_OUT_NET_HEADER, NAMED, "OUT_NET_HEADER" },
	{ FT_IPSEC, NAMED, "IPSEC" },
};

#define TABLE_SIZE (sizeof(table) / sizeof(table[0]))

const char *feature_name(unsigned int bit)
{
	for (size_t i = 0; i < TABLE_SIZE; i++)
		if (table[i].bit == bit)
			return table[i].name;
	return NULL;
}

static void features_put_all(struct features *set, enum support least, bool on)
{
	for (size_t i = 0; i < TABLE_SIZE; i++)
		if (table[i].support >= least)
			feature_put(set, table[i].bit, on);
}

void features_default(struct features *set)
{
	memset(set, 0, sizeof(*set));
	features_put_all(set, ON, true);
}

/* The bit that the word names, -1: none. */
static int features_find(const char *word)
{
	char *end;
	unsigned long bit;

	for (size_t i = 0; i < TABLE_SIZE; i++)
		if (strcasecmp(table[i].name, word) == 0)
			return table[i].bit;
	if (strncasecmp(word, "bit", 3) != 0 || word[3] < '0' || word[3] > '9')
		return -1;
	bit = strtoul(word + 3, &end, 10);
	return *end == '\0' && bit < FT_COUNT ? (int)bit : -1;
}

static int features_put_word(struct features *set, const char *word)
{
	bool on = *word != '-';
	int bit;

	word += *word == '+' || *word == '-';
	if (strcasecmp(word, "all") == 0) {
		if (on)
			features_put_all(set, DONE, true);
		else
			memset(set, 0, sizeof(*set));
		return 0;
	}
	bit = features_find(word);
	if (bit < 0)
		return -EINVAL;
	feature_put(set, (unsigned int)bit, on);
	return 0;
}

int features_parse(const char *text, struct features *set, char unknown[32])
{
	if (*text == '=') {
		memset(set, 0, sizeof(*set));
		text++;
	}
	while (*text != '\0') {
		size_t length = strcspn(text, ",");
		char word[48];

		snprintf(word, sizeof(word), "%.*s", (int)length, text);
		if (length >= sizeof(word) || features_put_word(set, word) < 0) {
			snprintf(unknown, 32, "%.31s", word);
			return -EINVAL;
		}
		text += length + (text[length] == ',');
	}
	return 0;
}
