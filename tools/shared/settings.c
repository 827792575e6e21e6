/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vionet/control.h>

const char settings_help[] =
	"mac=ADDRESS               the device's own address\n"
	"mtu=N                     longest packet to be ready for (68 to 65535)\n"
	"queues=N                  queue pairs in use\n"
	"promisc, allmulti, alluni, nomulti, nouni, nobcast=on|off\n"
	"unicast=MAC,...           addresses let through beside its own; none\n"
	"multicast=MAC,...         the same for groups\n"
	"vlan=ID,ID-ID,...         let VLANs 1 to 4094 through; vlan-delete takes back\n"
	"offloads=NAME,...         receive offloads that are on; none, all\n"
	"rx-usecs, rx-frames, tx-usecs, tx-frames=N\n"
	"                          when to interrupt; rx-usecs@1: of pair 1 only\n"
	"rss=TYPE,...              steer by hash of ipv4, tcpv4, udpv4, ...; all\n"
	"rss-table=PAIR,...        its table (a power of two entries)\n"
	"rss-key=HEX               its key\n"
	"rss-unclassified=PAIR     where packets without a hash go\n"
	"hash=TYPE,...             report hashes without steering by them\n"
	"hash-tunnels=TYPE,...     hash inner headers of: vxlan, geneve, ...; none\n";

static const char *const key_names[SETTING_KEYS] = {
	[SETTING_QUEUES] = "queues",
	[SETTING_MTU] = "mtu",
	[SETTING_MAC] = "mac",
	[SETTING_PROMISC] = "promisc",
	[SETTING_ALLMULTI] = "allmulti",
	[SETTING_ALLUNI] = "alluni",
	[SETTING_NOMULTI] = "nomulti",
	[SETTING_NOUNI] = "nouni",
	[SETTING_NOBCAST] = "nobcast",
	[SETTING_UNICAST] = "unicast",
	[SETTING_MULTICAST] = "multicast",
	[SETTING_VLAN] = "vlan",
	[SETTING_VLAN_DELETE] = "vlan-delete",
	[SETTING_OFFLOADS] = "offloads",
	[SETTING_RX_USECS] = "rx-usecs",
	[SETTING_RX_FRAMES] = "rx-frames",
	[SETTING_TX_USECS] = "tx-usecs",
	[SETTING_TX_FRAMES] = "tx-frames",
	[SETTING_HASH] = "hash",
	[SETTING_HASH_TUNNELS] = "hash-tunnels",
	[SETTING_RSS] = "rss",
	[SETTING_RSS_TABLE] = "rss-table",
	[SETTING_RSS_KEY] = "rss-key",
	[SETTING_RSS_UNCLASSIFIED] = "rss-unclassified",
};

/* A word for a bit; `feature` is what a device needs for it. */
struct bit_word {
	const char *name;
	uint64_t bit;
	const char *feature;
};

static const struct bit_word hash_words[] = {
	{ "ipv4", VIONET_HASH_IPV4, NULL },    { "tcpv4", VIONET_HASH_TCPV4, NULL },
	{ "udpv4", VIONET_HASH_UDPV4, NULL },  { "ipv6", VIONET_HASH_IPV6, NULL },
	{ "tcpv6", VIONET_HASH_TCPV6, NULL },  { "udpv6", VIONET_HASH_UDPV6, NULL },
	{ "ip-ex", VIONET_HASH_IP_EX, NULL },  { "tcp-ex", VIONET_HASH_TCP_EX, NULL },
	{ "udp-ex", VIONET_HASH_UDP_EX, NULL }, { NULL, 0, NULL },
};

static const struct bit_word tunnel_words[] = {
	{ "gre-2784", VIONET_TUNNEL_GRE_2784, NULL },
	{ "gre-2890", VIONET_TUNNEL_GRE_2890, NULL },
	{ "gre-7676", VIONET_TUNNEL_GRE_7676, NULL },
	{ "gre-udp", VIONET_TUNNEL_GRE_UDP, NULL },
	{ "vxlan", VIONET_TUNNEL_VXLAN, NULL },
	{ "vxlan-gpe", VIONET_TUNNEL_VXLAN_GPE, NULL },
	{ "geneve", VIONET_TUNNEL_GENEVE, NULL },
	{ "ipip", VIONET_TUNNEL_IPIP, NULL },
	{ "nvgre", VIONET_TUNNEL_NVGRE, NULL },
	{ NULL, 0, NULL },
};

static const struct bit_word offload_words[] = {
	{ "csum", VIONET_OFFLOAD_CSUM, "GUEST_CSUM" },
	{ "tso4", VIONET_OFFLOAD_TSO4, "GUEST_TSO4" },
	{ "tso6", VIONET_OFFLOAD_TSO6, "GUEST_TSO6" },
	{ "ecn", VIONET_OFFLOAD_ECN, "GUEST_ECN" },
	{ "ufo", VIONET_OFFLOAD_UFO, "GUEST_UFO" },
	{ "uso4", VIONET_OFFLOAD_USO4, "GUEST_USO4" },
	{ "uso6", VIONET_OFFLOAD_USO6, "GUEST_USO6" },
	{ "udp-tunnel", VIONET_OFFLOAD_UDP_TUNNEL, "GUEST_UDP_TUNNEL_GSO" },
	{ "udp-tunnel-csum", VIONET_OFFLOAD_UDP_TUNNEL_CSUM,
	  "GUEST_UDP_TUNNEL_GSO_CSUM" },
	{ NULL, 0, NULL },
};

const char *setting_name(enum setting_key key)
{
	return key_names[key];
}

/* The word of the lowest bit, or the end of the list: a word without a name. */
static const struct bit_word *settings_word_of(const struct bit_word *words,
					       uint64_t bits)
{
	uint64_t lowest = bits & (~bits + 1);

	while (words->name != NULL && words->bit != lowest)
		words++;
	return words;
}

const char *setting_hash_name(uint64_t bits)
{
	return settings_word_of(hash_words, bits)->name;
}

const char *setting_tunnel_name(uint64_t bits)
{
	return settings_word_of(tunnel_words, bits)->name;
}

const char *setting_offload_name(uint64_t bits)
{
	return settings_word_of(offload_words, bits)->name;
}

const char *setting_offload_feature(uint64_t bits)
{
	return settings_word_of(offload_words, bits)->feature;
}

/* ---- lists ---- */

/* The next of "a,b,c" at *text into `word`; moves *text behind it. Returns false at
 * the end. An empty or overlong word is "": nothing that is looked for. */
static bool settings_next_word(const char **text, char word[64])
{
	size_t length;

	if (*text == NULL)
		return false;
	length = strcspn(*text, ",");
	snprintf(word, 64, "%.*s", length < 64 ? (int)length : 0, *text);
	*text = (*text)[length] == ',' ? *text + length + 1 : NULL;
	return true;
}

/* The names of `words`, with commas between, for error texts. */
static void settings_list_words(const struct bit_word *words, char *list, size_t size)
{
	size_t used = 0;

	for (; words->name != NULL && used < size; words++)
		used += (size_t)snprintf(list + used, size - used, "%s%s",
					 used > 0 ? ", " : "", words->name);
}

/* "a,b,c", or one of two words that stand alone; `all` is what "all" means. */
static int settings_read_bits(const char *key, const char *text,
			      const struct bit_word *words, bool none, uint64_t all,
			      uint64_t *bits, struct parse_error *error)
{
	char word[64], list[160];
	const struct bit_word *found;

	*bits = all;
	if (strcmp(text, "all") == 0)
		return 0;
	*bits = 0;
	if (none && strcmp(text, "none") == 0)
		return 0;
	while (settings_next_word(&text, word)) {
		for (found = words; found->name != NULL; found++)
			if (strcmp(found->name, word) == 0)
				break;
		if (found->name == NULL) {
			settings_list_words(words, list, sizeof(list));
			return parse_refuse(error, key, word,
					    "wanted: all%s, or some of %s",
					    none ? ", none" : "", list);
		}
		*bits |= found->bit;
	}
	return 0;
}

static int settings_read_macs(const char *key, const char *text, bool group,
			      struct setting_macs *macs, struct parse_error *error)
{
	char word[64];
	uint8_t *mac;

	macs->count = 0;
	if (strcmp(text, "none") == 0)
		return 0;
	while (settings_next_word(&text, word)) {
		if (macs->count == SETTING_MACS_MAX)
			return parse_refuse(error, key, word, "%d addresses are the "
					    "most", SETTING_MACS_MAX);
		mac = macs->mac[macs->count++];
		if (parse_mac(key, word, mac, error) != 0)
			return -EINVAL;
		if ((mac[0] & 1) != group)
			return parse_refuse(error, key, word, "this is %s address",
					    group ? "no group" : "a group");
	}
	return 0;
}

/* "10,20-29" as bits. VLAN 0 is a priority, 4095 is reserved (IEEE 802.1Q). */
static int settings_read_vlans(const char *key, const char *text, uint64_t bits[64],
			       struct parse_error *error)
{
	char word[64];

	memset(bits, 0, 64 * sizeof(bits[0]));
	while (settings_next_word(&text, word)) {
		char *dash = strchr(word, '-');
		uint64_t first, last;

		if (dash != NULL)
			*dash++ = '\0';
		if (parse_whole(key, word, 1, 4094, &first, error) != 0 ||
		    parse_whole(key, dash != NULL ? dash : word, first, 4094, &last,
				error) != 0)
			return -EINVAL;
		for (uint64_t id = first; id <= last; id++)
			bits[id / 64] |= 1ULL << (id % 64);
	}
	return 0;
}

static int settings_read_table(struct settings *settings, const char *key,
			       const char *text, struct parse_error *error)
{
	const char *whole = text;
	uint64_t pair;
	char word[64];
	uint32_t size = 0;

	while (settings_next_word(&text, word)) {
		if (size == SETTING_TABLE_MAX)
			return parse_refuse(error, key, whole, "%d entries are the "
					    "most", SETTING_TABLE_MAX);
		if (parse_whole(key, word, 0, VIONET_QUEUE_PAIRS_MAX - 1, &pair,
				error) != 0)
			return -EINVAL;
		settings->table[size++] = (uint16_t)pair;
	}
	if ((size & (size - 1)) != 0)
		return parse_refuse(error, key, whole, "%u entries; a power of two is "
				    "wanted: 1, 2, 4, 8, ...", size);
	settings->table_size = size;
	return 0;
}

static int settings_hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;

	return at != NULL && (c >= 'A' || c <= '9') ? (int)(at - digits) : -1;
}

static int settings_read_rss_key(struct settings *settings, const char *key,
				 const char *text, struct parse_error *error)
{
	size_t length = strlen(text);

	if (length == 0 || length % 2 != 0 || length > 2 * SETTING_RSS_KEY_MAX)
		goto bad;
	for (size_t i = 0; i < length / 2; i++) {
		int high = settings_hex_value(text[2 * i]),
		    low = settings_hex_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			goto bad;
		settings->rss_key[i] = (uint8_t)(high << 4 | low);
	}
	settings->rss_key_size = (uint32_t)length / 2;
	return 0;
bad:
	return parse_refuse(error, key, text, "pairs of hexadecimal digits are wanted, "
			    "%d at most (40 are usual)", SETTING_RSS_KEY_MAX);
}

/* ---- one key ---- */

static int settings_read_number(const char *name, const char *text, uint64_t min,
				uint64_t max, uint32_t *number,
				struct parse_error *error)
{
	uint64_t value;
	int result = parse_whole(name, text, min, max, &value, error);

	if (result == 0)
		*number = (uint32_t)value;
	return result;
}

/* rx-usecs, rx-frames, tx-usecs, tx-frames; `pair` -1: of all. */
static int settings_read_coalescing(struct settings *settings, enum setting_key key,
				    int pair, const char *name, const char *text,
				    struct parse_error *error)
{
	unsigned int side = key >= SETTING_TX_USECS;
	struct setting_coalescing *to = pair < 0 ? &settings->all[side] :
						   &settings->pair[side][pair];

	if (key == SETTING_RX_USECS || key == SETTING_TX_USECS) {
		to->have_usecs = true;
		return settings_read_number(name, text, 0, UINT32_MAX, &to->usecs,
					    error);
	}
	to->have_frames = true;
	return settings_read_number(name, text, 0, UINT32_MAX, &to->frames, error);
}

static int settings_read_types(const char *name, const char *text, uint32_t *types,
			       struct parse_error *error)
{
	uint64_t bits;
	int result = settings_read_bits(name, text, hash_words, false, 0, &bits, error);

	*types = (uint32_t)bits;
	return result;
}

static int settings_read_tunnels(const char *name, const char *text, uint32_t *types,
				 struct parse_error *error)
{
	uint64_t bits;
	int result = settings_read_bits(name, text, tunnel_words, true, 0x1ff, &bits,
					error);

	*types = (uint32_t)bits;
	return result;
}

static int settings_read_offloads(const char *name, const char *text,
				  uint64_t *offloads, struct parse_error *error)
{
	uint64_t all = 0;

	for (const struct bit_word *word = offload_words; word->name != NULL; word++)
		all |= word->bit;
	return settings_read_bits(name, text, offload_words, true, all, offloads,
				  error);
}

static int settings_read_mode(struct settings *settings, enum setting_key key,
			      const char *name, const char *text,
			      struct parse_error *error)
{
	static const char *const words[] = { "on", "off", NULL };
	int position = 0;
	int result = parse_word(name, text, words, &position, error);

	settings->mode[key - SETTING_PROMISC] = position == 0;
	return result;
}

static int settings_read_own_mac(struct settings *settings, const char *name,
				 const char *text, struct parse_error *error)
{
	static const uint8_t none[6];
	int result = parse_mac(name, text, settings->mac, error);

	if (result == 0 && ((settings->mac[0] & 1) || !memcmp(settings->mac, none, 6)))
		return parse_refuse(error, name, text,
				    "a device cannot have this address");
	return result;
}

static int settings_read_steering(struct settings *settings, enum setting_key key,
				  const char *name, const char *text,
				  struct parse_error *error)
{
	uint32_t number = 0;
	int result;

	switch (key) {
	case SETTING_HASH:
		return settings_read_types(name, text, &settings->hash_types, error);
	case SETTING_HASH_TUNNELS:
		return settings_read_tunnels(name, text, &settings->hash_tunnels,
					     error);
	case SETTING_RSS:
		return settings_read_types(name, text, &settings->rss_types, error);
	case SETTING_RSS_TABLE:
		return settings_read_table(settings, name, text, error);
	case SETTING_RSS_KEY:
		return settings_read_rss_key(settings, name, text, error);
	default:
		result = settings_read_number(name, text, 0, VIONET_QUEUE_PAIRS_MAX - 1,
					      &number, error);
		settings->unclassified = (uint16_t)number;
		return result;
	}
}

static int settings_read_value(struct settings *settings, enum setting_key key,
			       int pair, const char *name, const char *text,
			       struct parse_error *error)
{
	switch (key) {
	case SETTING_QUEUES:
		return settings_read_number(name, text, 1, VIONET_QUEUE_PAIRS_MAX,
					    &settings->queues, error);
	case SETTING_MTU:
		return settings_read_number(name, text, 68, 65535, &settings->mtu,
					    error);
	case SETTING_MAC:
		return settings_read_own_mac(settings, name, text, error);
	case SETTING_UNICAST:
		return settings_read_macs(name, text, false, &settings->unicast, error);
	case SETTING_MULTICAST:
		return settings_read_macs(name, text, true, &settings->multicast,
					  error);
	case SETTING_VLAN:
		return settings_read_vlans(name, text, settings->vlan, error);
	case SETTING_VLAN_DELETE:
		return settings_read_vlans(name, text, settings->vlan_delete, error);
	case SETTING_OFFLOADS:
		return settings_read_offloads(name, text, &settings->offloads, error);
	default:
		if (key >= SETTING_PROMISC && key <= SETTING_NOBCAST)
			return settings_read_mode(settings, key, name, text, error);
		if (key >= SETTING_RX_USECS && key <= SETTING_TX_FRAMES)
			return settings_read_coalescing(settings, key, pair, name, text,
							error);
		return settings_read_steering(settings, key, name, text, error);
	}
}

/* ---- all of them ---- */

static int settings_refuse_key(const char *name, struct parse_error *error)
{
	char list[384] = "";
	size_t used = 0;

	for (int i = 0; i < SETTING_KEYS; i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
					 i > 0 ? ", " : "", key_names[i]);
	return parse_refuse(error, "setting", name, "no such key; there are: %s", list);
}

static int settings_find_key(const char *name)
{
	for (int i = 0; i < SETTING_KEYS; i++)
		if (strcmp(key_names[i], name) == 0)
			return i;
	return -ENOENT;
}

/* "rx-usecs@3": cut the pair off, where a pair makes sense. */
static int settings_cut_pair(char *name, int *pair, struct parse_error *error)
{
	char *at = strchr(name, '@');
	uint64_t number;
	int key;

	*pair = -1;
	if (at == NULL)
		return 0;
	*at = '\0';
	key = settings_find_key(name);
	if (key >= 0 && (key < SETTING_RX_USECS || key > SETTING_TX_FRAMES))
		return parse_refuse(error, name, at + 1, "only rx-usecs, rx-frames, "
				    "tx-usecs and tx-frames are for one pair");
	if (parse_whole(name, at + 1, 0, VIONET_QUEUE_PAIRS_MAX - 1, &number,
			error) != 0)
		return -EINVAL;
	*pair = (int)number;
	return 0;
}

int settings_add(struct settings *settings, const char *text,
		 struct parse_error *error)
{
	const char *value = strchr(text, '=');
	char name[40];
	int key, pair, result;

	if (value == NULL || value == text || value - text >= (int)sizeof(name))
		return parse_refuse(error, "setting", text, "KEY=VALUE is wanted, such "
				    "as mac=02:00:00:00:00:01 or rx-usecs=50");
	snprintf(name, sizeof(name), "%.*s", (int)(value++ - text), text);
	result = settings_cut_pair(name, &pair, error);
	if (result != 0)
		return result;
	key = settings_find_key(name);
	if (key < 0)
		return settings_refuse_key(name, error);
	if (strlen(value) >= SETTING_VALUE_MAX)
		return parse_refuse(error, name, value, "at most %d characters",
				    SETTING_VALUE_MAX - 1);
	result = settings_read_value(settings, (enum setting_key)key, pair, name, value,
				     error);
	if (result != 0)
		return result;
	settings->have[key] = true;
	snprintf(settings->text[key], SETTING_VALUE_MAX, "%s", value);
	return 0;
}

bool settings_any(const struct settings *settings)
{
	for (int i = 0; i < SETTING_KEYS; i++)
		if (settings->have[i])
			return true;
	return false;
}

bool settings_at_start(const struct settings *settings)
{
	return settings->have[SETTING_QUEUES] || settings->have[SETTING_MTU];
}

bool settings_has_rss(const struct settings *settings)
{
	for (int i = SETTING_RSS; i <= SETTING_RSS_UNCLASSIFIED; i++)
		if (settings->have[i])
			return true;
	return false;
}

int settings_check(const struct settings *settings, struct parse_error *error)
{
	if (settings->have[SETTING_HASH] &&
	    settings_has_rss(settings) &&
	    settings->hash_types != settings->rss_types)
		return parse_refuse(error, "hash", settings->text[SETTING_HASH],
				    "with rss the hashes are those that it steers by; give "
				    "both the same, or leave one of them out");
	return 0;
}
