/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bytes of a device's state, as it moves from one process to another: little-endian
 * numbers, in sections with names. One function describes a part for both ways, saving and
 * loading, so that the two cannot differ. Never believes what is loaded: a number that does
 * not fit where it belongs refuses the whole.
 */
#ifndef SOFTNIC_STATE_STREAM_H
#define SOFTNIC_STATE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state {
	bool loading;
	bool failed; /* nothing that follows counts */
	uint8_t *data;
	size_t size, room, at; /* bytes; saving: allocated; loading: read so far */
	const char *section;
	char why[96]; /* of a failure */
};

/* Refuse it: the first reason counts. */
void state_fail(struct state *state, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Loading: fail unless `fine`. Saving: what the device has is fine. */
#define state_require(state, fine, ...)                   \
	do {                                              \
		if ((state)->loading && !(fine))          \
			state_fail((state), __VA_ARGS__); \
	} while (0)

/* The next section, by its name. */
void state_section(struct state *state, const char *name);

void state_bytes(struct state *state, void *bytes, size_t size);
void state_word(struct state *state, uint64_t *value, size_t width);

/* A time as its distance from now, in ns, either way; 0: none. Loading: no further than `most`. */
void state_time(struct state *state, uint64_t *time, uint64_t most);

/* A variable of whatever width: a bool is 0 or 1. */
#define state_field(state, field)                                          \
	do {                                                               \
		uint64_t word_ = (uint64_t)(field);                        \
                                                                           \
		state_word((state), &word_, sizeof(field));                \
		if ((state)->loading) {                                    \
			(field) = (__typeof__(field))word_;                \
			state_require((state), (uint64_t)(field) == word_, \
				      #field " is out of range");          \
		}                                                          \
	} while (0)

#endif
