/* SPDX-License-Identifier: BSD-3-Clause */
/* No strtol, strtod or sscanf: they take blanks, signs, hexadecimal, "inf" and the decimal comma
 * of a locale. */
#include "tools/shared/parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NANO 1000000000ULL
#define TEN_YEARS (10ULL * 366 * 24 * 3600 * NANO)

/* 2^128 is far away: digits are refused before they could overflow this. */
__extension__ typedef unsigned __int128 wide;
#define WIDE_LIMIT ((wide)1 << 100)

/* A unit and what one of it is worth. */
struct unit {
	const char *name;
	uint64_t worth;
};

/* Copy what was typed so that it can be shown: no control characters, short. */
static void parse_printable(const char *text, char *out, size_t size)
{
	size_t i;

	for (i = 0; text[i] != '\0' && i < size - 4; i++) {
		unsigned char c = (unsigned char)text[i];

		out[i] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
	}
	if (text[i] != '\0') {
		memcpy(out + i, "...", 4);
		return;
	}
	out[i] = '\0';
}

int parse_refuse(struct parse_error *error, const char *option, const char *text,
		 const char *format, ...)
{
	char allowed[352];
	char name[64], value[64]; /* keys are typed too */
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(allowed, sizeof(allowed), format, arguments);
	va_end(arguments);
	parse_printable(option, name, sizeof(name));
	parse_printable(text, value, sizeof(value));
	snprintf(error->text, sizeof(error->text), "%s '%s': %s", name, value, allowed);
	return -EINVAL;
}

static int parse_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits at *text; moves it behind them. Returns -EINVAL without a digit or
 * where the number is beyond anything that is of use. */
static int parse_read_digits(const char **text, wide *value)
{
	if (!parse_is_digit(**text))
		return -EINVAL;
	for (*value = 0; parse_is_digit(**text); (*text)++) {
		*value = *value * 10 + (unsigned int)(**text - '0');
		if (*value >= WIDE_LIMIT)
			return -ERANGE;
	}
	return 0;
}

/* "12" or "12.345" in units of 1e-9; at most 9 digits behind the point. */
static int parse_read_decimal(const char **text, wide *nano)
{
	uint64_t place = NANO;
	int result = parse_read_digits(text, nano);

	if (result != 0)
		return result;
	if (*nano >= WIDE_LIMIT / NANO)
		return -ERANGE;
	*nano *= NANO;
	if (**text != '.')
		return 0;
	(*text)++;
	if (!parse_is_digit(**text))
		return -EINVAL;
	for (; parse_is_digit(**text); (*text)++) {
		place /= 10;
		if (place == 0)
			return -EINVAL;
		*nano += (wide)place * (unsigned int)(**text - '0');
	}
	return 0;
}

static const struct unit *parse_find_unit(const struct unit *units, const char *name)
{
	for (; units->name != NULL; units++)
		if (strcmp(units->name, name) == 0)
			return units;
	return NULL;
}

/* k, M, G or T at *text; moves it behind. */
static uint64_t parse_read_prefix(const char **text)
{
	static const struct unit prefixes[] = {
		{ "k", 1000 },
		{ "K", 1000 },
		{ "M", 1000000 },
		{ "G", 1000000000 },
		{ "T", 1000000000000 },
		{ NULL, 0 },
	};
	const char letter[2] = { **text, '\0' };
	const struct unit *prefix = parse_find_unit(prefixes, letter);

	if (prefix == NULL)
		return 1;
	(*text)++;
	return prefix->worth;
}

int parse_whole(const char *option, const char *text, uint64_t min, uint64_t max,
		uint64_t *value, struct parse_error *error)
{
	const char *end = text;
	wide number;

	if (parse_read_digits(&end, &number) != 0 || *end != '\0' || number < min ||
	    number > max)
		return parse_refuse(error, option, text,
			      "a whole number from %ju to %ju is wanted",
			      (uintmax_t)min, (uintmax_t)max);
	*value = (uint64_t)number;
	return 0;
}

int parse_count(const char *option, const char *text, uint64_t min, uint64_t max,
		uint64_t *value, struct parse_error *error)
{
	const char *end = text;
	wide number;
	int bad = parse_read_digits(&end, &number);

	if (bad == 0 && *end != 'T')
		number *= parse_read_prefix(&end);
	if (bad != 0 || *end != '\0' || number < min || number > max)
		return parse_refuse(error, option, text,
			      "a whole number from %ju to %ju is wanted, with k, M "
			      "or G behind it if you like",
			      (uintmax_t)min, (uintmax_t)max);
	*value = (uint64_t)number;
	return 0;
}

int parse_power_of_two(const char *option, const char *text, uint32_t min,
		       uint32_t max, uint32_t *value, struct parse_error *error)
{
	const char *end = text;
	wide number;

	if (parse_read_digits(&end, &number) != 0 || *end != '\0' || number < min ||
	    number > max || (number & (number - 1)) != 0)
		return parse_refuse(error, option, text,
			      "a power of two from %u to %u is wanted", min, max);
	*value = (uint32_t)number;
	return 0;
}

int parse_duration(const char *option, const char *text, int zero,
		   uint64_t *nanoseconds, struct parse_error *error)
{
	static const struct unit units[] = {
		{ "", NANO },	   { "s", NANO },	  { "ms", NANO / 1000 },
		{ "us", 1000 },	   { "min", 60 * NANO },  { "m", 60 * NANO },
		{ "h", 3600 * NANO }, { NULL, 0 },
	};
	const struct unit *unit = NULL;
	const char *end = text;
	wide nano;

	if (parse_read_decimal(&end, &nano) == 0)
		unit = parse_find_unit(units, end);
	/* The first bound keeps the product inside 128 bits. */
	if (unit == NULL || nano > (wide)TEN_YEARS * NANO)
		goto bad;
	nano = nano * unit->worth / NANO;
	if (nano > TEN_YEARS || (nano == 0 && !zero))
		goto bad;
	*nanoseconds = (uint64_t)nano;
	return 0;
bad:
	return parse_refuse(error, option, text,
		      "a time %s to 10 years is wanted, such as 10, 1.5, 500ms, 2min "
		      "or 1h (no unit: seconds)",
		      zero ? "from 0" : "above 0");
}

/* The unit behind a rate. */
static int parse_read_rate_unit(const char *text, enum rate_kind *kind)
{
	static const struct {
		const char *name;
		enum rate_kind kind;
	} units[] = {
		{ "", RATE_PPS },      { "pps", RATE_PPS },
		{ "bit", RATE_BPS },   { "bit/s", RATE_BPS },
		{ "bps", RATE_BPS },   { "%", RATE_PERCENT },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(text, units[i].name) == 0) {
			*kind = units[i].kind;
			return 0;
		}
	return -EINVAL;
}

/* 10^12 frames or 10^14 bits a second lie beyond any device; 100 per cent. */
static uint64_t parse_rate_limit(enum rate_kind kind)
{
	switch (kind) {
	case RATE_PPS:
		return 1000000000000ULL * 1000;
	case RATE_BPS:
		return 100000000000000ULL * 1000;
	case RATE_PERCENT:
		return 100ULL * 1000;
	case RATE_MAX:
		break;
	}
	return 0;
}

int parse_rate(const char *option, const char *text, struct rate *rate,
	       struct parse_error *error)
{
	const char *end = text;
	uint64_t prefix;
	wide nano;

	if (strcmp(text, "max") == 0) {
		*rate = (struct rate){ .kind = RATE_MAX };
		return 0;
	}
	if (parse_read_decimal(&end, &nano) != 0)
		goto bad;
	prefix = parse_read_prefix(&end);
	if (parse_read_rate_unit(end, &rate->kind) != 0 ||
	    (rate->kind == RATE_PERCENT && prefix != 1) ||
	    nano >= WIDE_LIMIT / 1000000)
		goto bad;
	nano = nano * prefix / (NANO / 1000);
	if (nano == 0 || nano > parse_rate_limit(rate->kind))
		goto bad;
	rate->milli = (uint64_t)nano;
	return 0;
bad:
	return parse_refuse(error, option, text,
		      "wanted: max; frames a second (10k, 1.5Mpps; 0.001 to 1Tpps); "
		      "bits a second (100Mbit, 2.5Gbit; to 100Tbit); or per cent of "
		      "the link (50%%)");
}

static int parse_hex_digit(char c)
{
	if (parse_is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int parse_mac(const char *option, const char *text, uint8_t mac[6],
	      struct parse_error *error)
{
	uint8_t result[6];

	if (strlen(text) != 17 || (text[2] != ':' && text[2] != '-'))
		goto bad;
	for (int i = 0; i < 6; i++) {
		const char *at = text + 3 * i;
		int high = parse_hex_digit(at[0]), low = parse_hex_digit(at[1]);

		if (high < 0 || low < 0 || (i < 5 && at[2] != text[2]))
			goto bad;
		result[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(mac, result, 6);
	return 0;
bad:
	return parse_refuse(error, option, text,
		      "an Ethernet address is wanted, such as 02:00:00:00:00:01");
}

int parse_ipv4(const char *option, const char *text, uint32_t *address,
	       struct parse_error *error)
{
	struct in_addr parsed;

	/* inet_pton is strict already: four decimal parts, no leading zero. */
	if (inet_pton(AF_INET, text, &parsed) != 1)
		return parse_refuse(error, option, text,
			      "an IPv4 address is wanted, such as 198.18.0.1");
	*address = ntohl(parsed.s_addr);
	return 0;
}

int parse_word(const char *option, const char *text, const char *const *words,
	       int *position, struct parse_error *error)
{
	char list[128] = "";
	size_t used = 0;

	for (int i = 0; words[i] != NULL; i++) {
		if (strcmp(text, words[i]) == 0) {
			*position = i;
			return 0;
		}
		if (used < sizeof(list))
			used += (size_t)snprintf(list + used, sizeof(list) - used,
						 "%s%s", i == 0 ? "" : ", ",
						 words[i]);
	}
	return parse_refuse(error, option, text, "one of %s is wanted", list);
}

/* "5" or "2-5" at *text; moves it behind. */
static int parse_read_cpu_range(const char **text, struct cpu_list *cpus)
{
	wide first, last;

	if (parse_read_digits(text, &first) != 0)
		return -EINVAL;
	last = first;
	if (**text == '-') {
		(*text)++;
		if (parse_read_digits(text, &last) != 0)
			return -EINVAL;
	}
	if (last < first || last > 1023 || last - first >= 256 - cpus->count)
		return -EINVAL;
	for (; first <= last; first++)
		cpus->cpu[cpus->count++] = (uint16_t)first;
	return 0;
}

int parse_cpus(const char *option, const char *text, struct cpu_list *cpus,
	       struct parse_error *error)
{
	const char *end = text;

	cpus->count = 0;
	while (parse_read_cpu_range(&end, cpus) == 0) {
		if (*end == '\0')
			return 0;
		if (*end++ != ',')
			break;
	}
	return parse_refuse(error, option, text,
			    "numbers of CPUs are wanted, such as 0,2-5 (to 1023; 256 at "
			    "most)");
}

/* One feature by name or number; -ENOENT if it is neither. */
static int parse_read_feature(const char *name)
{
	const char *end = name;
	wide number;

	if (parse_read_digits(&end, &number) == 0 && *end == '\0')
		return number < VIONET_FEATURE_BITS ? (int)number : -ENOENT;
	return vionet_feature_bit(name);
}

int parse_features(const char *option, const char *text,
		   struct vionet_features *set, struct parse_error *error)
{
	while (1) {
		size_t length = strcspn(text, ",");
		char name[64];
		int bit = -ENOENT;

		snprintf(name, sizeof(name), "%.*s", (int)length, text);
		if (length > 0 && length < sizeof(name))
			bit = parse_read_feature(name);
		if (bit < 0)
			return parse_refuse(error, option, name,
				      "no such feature; wanted: names such as "
				      "MRG_RXBUF or bit numbers below %d, with "
				      "commas between them",
				      VIONET_FEATURE_BITS);
		set->word[bit / 64] |= 1ULL << (bit % 64);
		if (text[length] == '\0')
			return 0;
		text += length + 1;
	}
}
