/* SPDX-License-Identifier: BSD-3-Clause */
/* Values of options that stand for many: ranges, lists, networks. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/model/load.h"

#define LIST_MAX 256u
#define PIECE_BYTES 64u
#define SIZE_MIN 14u
#define SIZE_MAX_BYTES 65549u /* IPv4's limit behind Ethernet */
#define SEGMENT_MIN 64u

/* One value at *at, which is moved behind it. */
typedef bool load_reader(const char **at, traffic_value max, traffic_value *value);

static bool load_read_number(const char **at, traffic_value max, traffic_value *value)
{
	if (**at < '0' || **at > '9')
		return false;
	for (*value = 0; **at >= '0' && **at <= '9'; ++*at) {
		*value = *value * 10 + (unsigned int)(**at - '0');
		if (*value > max)
			return false;
	}
	return true;
}

/* What may stand in an address, up to what may not, as a text of its own. */
static bool load_piece(const char **at, const char *characters, char piece[PIECE_BYTES])
{
	size_t length = strspn(*at, characters);

	if (length == 0 || length >= PIECE_BYTES)
		return false;
	memcpy(piece, *at, length);
	piece[length] = '\0';
	*at += length;
	return true;
}

static bool load_read_bytes(int family, size_t size, const char *piece, traffic_value *value)
{
	uint8_t bytes[16];

	if (inet_pton(family, piece, bytes) != 1)
		return false;
	*value = 0;
	for (size_t i = 0; i < size; i++)
		*value = *value << 8 | bytes[i];
	return true;
}

static bool load_read_ipv4(const char **at, traffic_value max, traffic_value *value)
{
	char piece[PIECE_BYTES];

	(void)max;
	return load_piece(at, "0123456789.", piece) && load_read_bytes(AF_INET, 4, piece, value);
}

static bool load_read_ipv6(const char **at, traffic_value max, traffic_value *value)
{
	char piece[PIECE_BYTES];

	(void)max;
	return load_piece(at, "0123456789abcdefABCDEF:.", piece) &&
	       load_read_bytes(AF_INET6, 16, piece, value);
}

/* ---- ranges and lists ---- */

static void load_set_range(struct traffic_field *field, traffic_value first, uint64_t count,
			   traffic_value step)
{
	field->pattern = count == 1 ? TRAFFIC_VALUE : TRAFFIC_INCREMENT;
	field->start = first;
	field->step = count == 1 ? 0 : step;
	field->count = count == 1 ? 0 : count;
}

/* "-B" or "-B:STEP" behind the first value. */
static bool load_rest_of_range(const char *at, load_reader *take, traffic_value max, bool steps,
			       traffic_value first, struct traffic_field *field)
{
	traffic_value last, step = 1;

	at++;
	if (!take(&at, max, &last) || last < first)
		return false;
	if (steps && *at == ':') {
		at++;
		if (!load_read_number(&at, max, &step) || step == 0)
			return false;
	}
	if (*at != '\0' || (last - first) / step >= UINT32_MAX)
		return false;
	load_set_range(field, first, (uint64_t)((last - first) / step) + 1, step);
	return true;
}

static bool load_rest_of_list(const char *at, load_reader *take, traffic_value max,
			      traffic_value first, struct traffic_field *field)
{
	traffic_value values[LIST_MAX] = { first };
	size_t count = 1;

	while (*at == ',' && count < LIST_MAX) {
		at++;
		if (!take(&at, max, &values[count++]))
			return false;
	}
	if (*at != '\0')
		return false;
	field->values = malloc(count * sizeof(*values));
	if (field->values == NULL)
		return false;
	memcpy(field->values, values, count * sizeof(*values));
	field->pattern = TRAFFIC_VALUES;
	field->value_count = count;
	return true;
}

/* `steps`: a colon may follow a range. False: it is none of all that. */
static bool load_read_field(const char *text, load_reader *take, traffic_value max, bool steps,
			    struct traffic_field *field)
{
	traffic_value first;

	free(field->values);
	*field = (struct traffic_field){ 0 };
	if (!take(&text, max, &first))
		return false;
	if (*text == '-')
		return load_rest_of_range(text, take, max, steps, first, field);
	if (*text == ',')
		return load_rest_of_list(text, take, max, first, field);
	load_set_range(field, first, 1, 1);
	return *text == '\0';
}

int load_parse_number(const char *option, const char *text, uint64_t max,
		      struct traffic_field *field, struct parse_error *error)
{
	if (load_read_field(text, load_read_number, max, true, field))
		return 0;
	return parse_refuse(error, option, text,
			    "wanted: a whole number from 0 to %ju, a range (A-B, or A-B:STEP), or a "
			    "list (A,B,C)",
			    (uintmax_t)max);
}

/* ---- addresses ---- */

int load_parse_mac(const char *option, const char *text, struct traffic_field *field,
		   struct parse_error *error)
{
	char address[PIECE_BYTES] = "";
	size_t length = strcspn(text, "+");
	uint64_t count = 1;
	traffic_value start = 0;
	uint8_t mac[6];

	if (length < sizeof(address))
		memcpy(address, text, length);
	if (parse_mac(option, address, mac, error) != 0 ||
	    (text[length] == '+' &&
	     parse_whole(option, text + length + 1, 1, UINT32_MAX, &count, error) != 0))
		return parse_refuse(error, option, text,
				    "an Ethernet address is wanted, such as 02:00:00:00:00:01, or so "
				    "many from there on: 02:00:00:00:00:01+16");
	for (int i = 0; i < 6; i++)
		start = start << 8 | mac[i];
	load_set_range(field, start, count, 1);
	return 0;
}

/* "10.0.0.0/24": all that the network has. */
static int load_parse_network(const char *option, const char *text, size_t slash,
			      struct load_address *address, struct parse_error *error)
{
	bool six = address->family == LOAD_IPV6;
	unsigned int bits = six ? 128 : 32;
	char prefix[PIECE_BYTES] = "";
	const char *at = prefix, *end = text + slash + 1;
	traffic_value first, length, hosts;

	if (slash < sizeof(prefix))
		memcpy(prefix, text, slash);
	if (!(six ? load_read_ipv6 : load_read_ipv4)(&at, 0, &first) || *at != '\0' ||
	    !load_read_number(&end, bits, &length) || *end != '\0')
		return parse_refuse(error, option, text, "a network is wanted, such as %s",
				    six ? "2001:db8::/120" : "10.0.0.0/24");
	if (bits - length >= 32)
		return parse_refuse(error, option, text,
				    "more than 4294967295 addresses; a prefix of %u bits or more is "
				    "wanted",
				    bits - 31);
	hosts = ((traffic_value)1 << (bits - length)) - 1;
	if ((first & hosts) != 0)
		return parse_refuse(error, option, text,
				    "there are bits behind the prefix; give the first address of the "
				    "network, or a range A-B");
	load_set_range(&address->field, first, (uint64_t)hosts + 1, 1);
	return 0;
}

int load_parse_ip(const char *option, const char *text, struct load_address *address,
		  struct parse_error *error)
{
	bool six = strchr(text, ':') != NULL;
	size_t slash = strcspn(text, "/");

	address->family = six ? LOAD_IPV6 : LOAD_IPV4;
	if (text[slash] == '/')
		return load_parse_network(option, text, slash, address, error);
	if (load_read_field(text, six ? load_read_ipv6 : load_read_ipv4, 0, false, &address->field))
		return 0;
	return parse_refuse(error, option, text,
			    "an %s address is wanted, such as %s, a network (%s), a range (A-B, 4294967295 "
			    "addresses at most) or a list (A,B,C)",
			    six ? "IPv6" : "IPv4", six ? "2001:db8::1" : "198.18.0.1",
			    six ? "2001:db8::/120" : "10.0.0.0/24");
}

/* ---- tags and labels ---- */

/* The piece up to the next point. False: none, or too long. */
static bool load_next_piece(const char **at, char piece[PIECE_BYTES])
{
	size_t length = strcspn(*at, ".");

	if (length == 0 || length >= PIECE_BYTES)
		return false;
	memcpy(piece, *at, length);
	piece[length] = '\0';
	*at += length;
	return true;
}

static const char *load_read_type(const char *piece, uint32_t *type)
{
	if (strncmp(piece, "8021q:", 6) == 0) {
		*type = 0x8100;
		return piece + 6;
	}
	if (strncmp(piece, "8021ad:", 7) == 0) {
		*type = 0x88a8;
		return piece + 7;
	}
	return piece;
}

int load_parse_vlan(const char *option, const char *text, struct load_options *load,
		    struct parse_error *error)
{
	const char *at = text;

	load->tags = 0;
	while (load->tags < LOAD_TAGS_MAX) {
		struct load_tag *tag = &load->tag[load->tags++];
		char piece[PIECE_BYTES];

		tag->type = 0;
		if (!load_next_piece(&at, piece) ||
		    !load_read_field(load_read_type(piece, &tag->type), load_read_number, 4095, true,
				     &tag->id))
			break;
		if (*at == '\0')
			return 0;
		at++;
	}
	return parse_refuse(error, option, text,
			    "wanted: an id from 0 to 4095 or a range of them, the outermost first "
			    "(100.200; %u at most), each with its kind in front if you like "
			    "(8021ad:100.8021q:200)",
			    LOAD_TAGS_MAX);
}

int load_parse_mpls(const char *option, const char *text, struct load_options *load,
		    struct parse_error *error)
{
	const char *at = text;

	load->labels = 0;
	while (load->labels < LOAD_LABELS_MAX) {
		char piece[PIECE_BYTES];

		if (!load_next_piece(&at, piece) ||
		    !load_read_field(piece, load_read_number, (1u << 20) - 1, true,
				     &load->label[load->labels++]))
			break;
		if (*at == '\0')
			return 0;
		at++;
	}
	return parse_refuse(error, option, text,
			    "wanted: a label from 0 to 1048575 or a range of them, the outermost first "
			    "(100.200; %u at most)",
			    LOAD_LABELS_MAX);
}

/* ---- sizes ---- */

static bool load_read_bytes_of_frame(const char **at, uint32_t *size)
{
	traffic_value value;

	if (!load_read_number(at, SIZE_MAX_BYTES, &value) || value < SIZE_MIN)
		return false;
	*size = (uint32_t)value;
	return true;
}

/* "60:7,590:4,1514:1" */
static bool load_read_weights(const char *at, struct traffic_size *size)
{
	struct traffic_weight weights[LIST_MAX];
	traffic_value weight;
	size_t count = 0;

	do {
		at += count > 0;
		if (count == LIST_MAX || !load_read_bytes_of_frame(&at, &weights[count].size) ||
		    *at++ != ':' || !load_read_number(&at, 1000000000, &weight) || weight == 0)
			return false;
		weights[count++].weight = (double)weight;
	} while (*at == ',');
	if (*at != '\0')
		return false;
	size->kind = TRAFFIC_SIZE_WEIGHTS;
	size->weight = malloc(count * sizeof(*weights));
	if (size->weight == NULL)
		return false;
	memcpy(size->weight, weights, count * sizeof(*weights));
	size->weight_count = count;
	return true;
}

static bool load_read_size(const char *text, struct traffic_size *size)
{
	const char *at = text;
	traffic_value step;

	if (!load_read_bytes_of_frame(&at, &size->min))
		return false;
	if (*at == ':')
		return load_read_weights(text, size);
	size->kind = TRAFFIC_SIZE_FIXED;
	if (*at == '\0')
		return true;
	size->kind = TRAFFIC_SIZE_RANDOM;
	if (*at++ != '-' || !load_read_bytes_of_frame(&at, &size->max) || size->max < size->min)
		return false;
	if (*at == ':') {
		at++;
		if (!load_read_number(&at, SIZE_MAX_BYTES, &step) || step == 0)
			return false;
		size->kind = TRAFFIC_SIZE_INCREMENT;
		size->step = (uint32_t)step;
	}
	return *at == '\0';
}

int load_parse_size(const char *option, const char *text, struct traffic_size *size,
		    struct parse_error *error)
{
	bool no_pad = size->no_pad;

	free(size->weight);
	*size = (struct traffic_size){ .no_pad = no_pad };
	if (load_read_size(strcmp(text, "imix") == 0 ? "60:7,590:4,1514:1" : text, size)) {
		if (size->kind == TRAFFIC_SIZE_WEIGHTS)
			size->min = 0;
		return 0;
	}
	return parse_refuse(error, option, text,
			    "wanted: bytes of frame without FCS, %u to %u; a range (60-1514: random; "
			    "64-1518:128: in steps); weights (60:7,590:4,1514:1); or imix",
			    SIZE_MIN, SIZE_MAX_BYTES);
}

int load_parse_offload(const char *option, const char *text, struct traffic_offload *offload,
		       struct parse_error *error)
{
	const char *at = text;

	*offload = (struct traffic_offload){ 0 };
	while (1) {
		size_t length = strcspn(at, ",");
		const char *size = at + strlen("segment:");
		traffic_value segment = 0;

		if (length == strlen("checksum") && memcmp(at, "checksum", length) == 0)
			offload->checksum = true;
		else if (strncmp(at, "segment:", 8) == 0 &&
			 load_read_number(&size, UINT16_MAX, &segment) && segment >= SEGMENT_MIN &&
			 size == at + length)
			offload->segment_size = (uint16_t)segment;
		else
			return parse_refuse(error, option, text,
					    "wanted: checksum, segment:SIZE (bytes of payload, %u to 65535), "
					    "or both with a comma between them",
					    SEGMENT_MIN);
		if (at[length] == '\0')
			return 0;
		at += length + 1;
	}
}
