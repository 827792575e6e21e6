/* SPDX-License-Identifier: BSD-3-Clause */
/* Single values. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/model/otg_parts.h"
#include "tools/pktgen/model/tree_parts.h"
#include "tools/shared/closest_word.h"
#include "tools/shared/parse.h"

/* A value as it can be shown in an error: short, on one line. */
struct value_shown {
	char text[44];
};

static struct value_shown value_show(const struct tree *node)
{
	static const char *const kinds[] = { "nothing", "", "a list", "an object" };
	struct value_shown shown = { "'" };
	size_t length = 1;

	if (node->kind != TREE_SCALAR) {
		snprintf(shown.text, sizeof(shown.text), "%s", kinds[node->kind]);
		return shown;
	}
	for (const char *at = node->text; *at != '\0' && length < sizeof(shown.text) - 5; at++)
		shown.text[length++] = *at >= ' ' && *at < 0x7f ? *at : '?';
	snprintf(shown.text + length, sizeof(shown.text) - length, "%s",
		 strlen(node->text) > length - 1 ? "...'" : "'");
	return shown;
}

/* Digits, or hexadecimal ones behind 0x; a zero in front could mean either of two things. */
static bool value_digits(const char *text, uint64_t *value)
{
	unsigned int base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
	const char *at = base == 16 ? text + 2 : text;

	if (*at == '\0' || (base == 10 && at[0] == '0' && at[1] != '\0'))
		return false;
	for (*value = 0; *at != '\0'; at++) {
		unsigned int digit = *at >= '0' && *at <= '9' ?
					     (unsigned int)(*at - '0') :
				     (*at | 0x20) >= 'a' && (*at | 0x20) <= 'f' ?
					     (unsigned int)((*at | 0x20) - 'a') + 10 :
					     99;

		if (digit >= base || __builtin_mul_overflow(*value, (uint64_t)base, value) ||
		    __builtin_add_overflow(*value, (uint64_t)digit, value))
			return false;
	}
	return true;
}

/* Protobuf writes numbers of 64 bits in quotes: they are as good. */
int otg_whole(struct otg *otg, const struct tree *node, uint64_t min, uint64_t max,
	      uint64_t *value)
{
	uint64_t number;

	if (node == NULL)
		return 0;
	if (node->kind != TREE_SCALAR || !value_digits(node->text, &number) || number < min ||
	    number > max)
		return tree_refuse(otg->error, node, "%s: a whole number from %ju to %ju is wanted",
				   value_show(node).text, (uintmax_t)min, (uintmax_t)max);
	*value = number;
	return 0;
}

int otg_u32(struct otg *otg, const struct tree *node, uint32_t min, uint32_t max, uint32_t *value)
{
	uint64_t wide = *value;
	int result = otg_whole(otg, node, min, max, &wide);

	*value = (uint32_t)wide;
	return result;
}

int otg_decimal(struct otg *otg, const struct tree *node, double min, double max, double *value)
{
	double number = 0;
	bool good;

	if (node == NULL)
		return 0;
	good = node->kind == TREE_SCALAR && tree_is_number(node->text);
	if (good)
		number = tree_to_double(node->text);
	if (!good || number < min || number > max)
		return tree_refuse(otg->error, node, "%s: a number from %.15g to %.15g is wanted",
				   value_show(node).text, min, max);
	*value = number;
	return 0;
}

int otg_bool(struct otg *otg, const struct tree *node, bool *value)
{
	if (node == NULL)
		return 0;
	if (node->kind != TREE_SCALAR || node->quoted ||
	    (strcmp(node->text, "true") != 0 && strcmp(node->text, "false") != 0))
		return tree_refuse(otg->error, node, "%s: true or false is wanted",
				   value_show(node).text);
	*value = node->text[0] == 't';
	return 0;
}

int otg_word(struct otg *otg, const struct tree *node, const char *const *words, int *position)
{
	struct closest_word closest;
	char known[120] = "";
	size_t used = 0;

	if (node == NULL)
		return 0;
	closest_word_start(&closest, node->kind == TREE_SCALAR ? node->text : "");
	for (int i = 0; words[i] != NULL; i++) {
		if (node->kind == TREE_SCALAR && strcmp(node->text, words[i]) == 0) {
			*position = i;
			return 0;
		}
		closest_word_try(&closest, words[i]);
		if (used < sizeof(known))
			used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
						 i == 0 ? "" : ", ", words[i]);
	}
	if (words[1] == NULL)
		return tree_refuse(otg->error, node, "%s: only %s is supported", value_show(node).text,
				   words[0]);
	if (closest.best != NULL)
		return tree_refuse(otg->error, node, "%s: did you mean %s?", value_show(node).text,
				   closest.best);
	return tree_refuse(otg->error, node, "%s: one of %s is wanted", value_show(node).text,
			   known);
}

int otg_text(struct otg *otg, const struct tree *node, size_t most, char **value)
{
	if (node == NULL)
		return 0;
	if (node->kind != TREE_SCALAR)
		return tree_refuse(otg->error, node, "%s: a text is wanted", value_show(node).text);
	if (node->text[0] == '\0' || strlen(node->text) > most)
		return tree_refuse(otg->error, node, "%s: a text of 1 to %zu bytes is wanted",
				   value_show(node).text, most);
	for (const char *at = node->text; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return tree_refuse(otg->error, node, "%s: control characters are not possible",
					   value_show(node).text);
	*value = strdup(node->text);
	return *value == NULL ? -ENOMEM : 0;
}

int otg_find_port(struct otg *otg, const struct tree *node, uint32_t *index)
{
	const struct traffic *traffic = otg->traffic;
	char *name = NULL;
	int result = node->kind == TREE_NULL ?
			     tree_refuse(otg->error, node, "a port's name is wanted") :
			     otg_text(otg, node, OTG_NAME_MAX, &name);

	if (result != 0)
		return result;
	for (*index = 0; *index < traffic->ports; ++*index)
		if (strcmp(traffic->port[*index].name, name) == 0)
			break;
	if (*index == traffic->ports)
		result = tree_refuse(otg->error, node, "there is no port of this name%s",
				     traffic->ports == 0 ? ": ports is empty" : "");
	free(name);
	return result;
}

/* ---- bytes ---- */

static int value_hex_digit(char c)
{
	uint64_t value;
	const char text[] = { '0', 'x', c, '\0' };

	return value_digits(text, &value) ? (int)value : -1;
}

/* The number of bytes; -1: something else is there. */
static ssize_t value_hex(const char *text, bool loose, uint8_t *bytes)
{
	ssize_t digits = 0;

	if (loose && text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	for (; *text != '\0'; text++) {
		int digit = value_hex_digit(*text);

		if (loose && (*text == ' ' || *text == ':') && digits % 2 == 0)
			continue;
		if (digit < 0)
			return -1;
		if (digits % 2 == 0)
			bytes[digits / 2] = (uint8_t)(digit << 4);
		else
			bytes[digits / 2] |= (uint8_t)digit;
		digits++;
	}
	return digits % 2 == 0 ? digits / 2 : -1;
}

int otg_hex(struct otg *otg, const struct tree *node, bool loose, size_t most, uint8_t **bytes,
	    size_t *count)
{
	uint8_t *made;
	ssize_t length = -1;

	if (node == NULL)
		return 0;
	made = malloc(node->kind == TREE_SCALAR ? strlen(node->text) / 2 + 1 : 1);
	if (made == NULL)
		return -ENOMEM;
	if (node->kind == TREE_SCALAR)
		length = value_hex(node->text, loose, made);
	if (length < 1 || (size_t)length > most) {
		free(made);
		return tree_refuse(otg->error, node,
				   "%s: 1 to %zu bytes in hexadecimal are wanted, two digits each",
				   value_show(node).text, most);
	}
	free(*bytes);
	*bytes = made;
	*count = (size_t)length;
	return 0;
}

/* ---- values of fields ---- */

static bool value_mac(const char *text, traffic_value *value)
{
	struct parse_error error;
	uint8_t mac[6];

	if (parse_mac("", text, mac, &error) != 0)
		return false;
	*value = 0;
	for (int i = 0; i < 6; i++)
		*value = *value << 8 | mac[i];
	return true;
}

static bool value_ip(int family, size_t size, const char *text, traffic_value *value)
{
	uint8_t bytes[16];

	if (inet_pton(family, text, bytes) != 1)
		return false;
	*value = 0;
	for (size_t i = 0; i < size; i++)
		*value = *value << 8 | bytes[i];
	return true;
}

static bool value_of_field(const char *text, enum field_format format, traffic_value *value)
{
	switch (format) {
	case FIELD_MAC:
		return value_mac(text, value);
	case FIELD_IPV4:
		return value_ip(AF_INET, 4, text, value);
	default:
		return value_ip(AF_INET6, 16, text, value);
	}
}

int otg_field_value(struct otg *otg, const struct tree *node, const struct field_type *type,
		    traffic_value *value)
{
	static const char *const wanted[] = {
		[FIELD_MAC] = "an Ethernet address is wanted, such as 02:00:00:00:00:01",
		[FIELD_IPV4] = "an IPv4 address is wanted, such as 198.18.0.1",
		[FIELD_IPV6] = "an IPv6 address is wanted, such as 2001:db8::1",
	};
	uint64_t number = 0;

	if (node == NULL)
		return 0;
	if (type->format == FIELD_INTEGER || type->format == FIELD_CHECKSUM) {
		int result = otg_whole(otg, node, 0, ~0ULL >> (64 - type->bits), &number);

		if (result == 0)
			*value = number;
		return result;
	}
	if (node->kind == TREE_SCALAR && value_of_field(node->text, type->format, value))
		return 0;
	return tree_refuse(otg->error, node, "%s: %s", value_show(node).text,
			   wanted[type->format]);
}
