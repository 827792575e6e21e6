/* SPDX-License-Identifier: BSD-3-Clause */
/* Every function returns 0, or -EINVAL with a sentence in `error` that names the
 * option, the value as typed and what is allowed. Numbers are decimal: no sign,
 * no blank, no hexadecimal, no exponent, nothing behind the unit. */
#ifndef VIONET_TOOLS_PARSE_H
#define VIONET_TOOLS_PARSE_H

#include <stdint.h>

#include <vionet/feature.h>

#define PARSE_ERROR_MAX 512

/* Why a value was refused. */
struct parse_error {
	char text[PARSE_ERROR_MAX];
};

/* How fast to send. */
enum rate_kind {
	RATE_MAX,     /* as fast as the device takes frames */
	RATE_PPS,     /* frames per second */
	RATE_BPS,     /* bits per second on the wire */
	RATE_PERCENT, /* of the link speed */
};

struct rate {
	enum rate_kind kind;
	uint64_t milli; /* thousandths of a frame, bit or per cent, a second */
};

/* Fill `error`: option, value (made printable, cut) and what is wanted. Returns
 * -EINVAL. */
int parse_refuse(struct parse_error *error, const char *option, const char *text,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A whole number from `min` to `max`. */
int parse_whole(const char *option, const char *text, uint64_t min, uint64_t max,
		uint64_t *value, struct parse_error *error);

/* The same with an optional k, M or G behind it (thousands: "10k"). */
int parse_count(const char *option, const char *text, uint64_t min, uint64_t max,
		uint64_t *value, struct parse_error *error);

/* A power of two from `min` to `max`. */
int parse_power_of_two(const char *option, const char *text, uint32_t min,
		       uint32_t max, uint32_t *value, struct parse_error *error);

/* A time such as "10", "1.5", "500ms", "2min", "1h", in nanoseconds: 0 (or 1 ns
 * where `zero` is 0) to 10 years. No unit means seconds. */
int parse_duration(const char *option, const char *text, int zero,
		   uint64_t *nanoseconds, struct parse_error *error);

/* "max", "10k", "1.5Mpps", "100Mbit", "50%". */
int parse_rate(const char *option, const char *text, struct rate *rate,
	       struct parse_error *error);

/* "02:00:00:00:00:01", colons or dashes, two digits each. */
int parse_mac(const char *option, const char *text, uint8_t mac[6],
	      struct parse_error *error);

/* "198.18.0.1", in host byte order. */
int parse_ipv4(const char *option, const char *text, uint32_t *address,
	       struct parse_error *error);

/* One of `words` (NULL-terminated): its position. */
int parse_word(const char *option, const char *text, const char *const *words,
	       int *position, struct parse_error *error);

/* CPUs in the order in which they were named. */
struct cpu_list {
	uint32_t count;
	uint16_t cpu[256];
};

/* "0,2-5". */
int parse_cpus(const char *option, const char *text, struct cpu_list *cpus,
	       struct parse_error *error);

/* "MRG_RXBUF,CTRL_VQ" or bit numbers "37", added to `set`. */
int parse_features(const char *option, const char *text,
		   struct vionet_features *set, struct parse_error *error);

#endif
