/* SPDX-License-Identifier: BSD-3-Clause */
#include "softnic/state/stream.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "softnic/clock.h"

#define SECTION_NAME 8u

void state_fail(struct state *state, const char *format, ...)
{
	va_list arguments;

	if (state->failed)
		return;
	state->failed = true;
	va_start(arguments, format);
	vsnprintf(state->why, sizeof(state->why), format, arguments);
	va_end(arguments);
}

static bool state_grow(struct state *state, size_t size)
{
	size_t room = state->room != 0 ? 2 * state->room : 4096;
	uint8_t *more;

	if (size <= state->room - state->size)
		return true;
	while (room - state->size < size)
		room *= 2;
	more = realloc(state->data, room);
	if (more == NULL) {
		state_fail(state, "no memory");
		return false;
	}
	state->data = more;
	state->room = room;
	return true;
}

static void state_load_bytes(struct state *state, void *bytes, size_t size)
{
	if (!state->failed && size > state->size - state->at)
		state_fail(state, "it ends in section '%s'", state->section);
	if (state->failed) {
		memset(bytes, 0, size);
		return;
	}
	memcpy(bytes, state->data + state->at, size);
	state->at += size;
}

void state_bytes(struct state *state, void *bytes, size_t size)
{
	if (state->loading) {
		state_load_bytes(state, bytes, size);
	} else if (!state->failed && state_grow(state, size)) {
		memcpy(state->data + state->size, bytes, size);
		state->size += size;
	}
}

void state_word(struct state *state, uint64_t *value, size_t width)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < width; i++)
		bytes[i] = (uint8_t)(*value >> (8 * i));
	state_bytes(state, bytes, width);
	if (!state->loading)
		return;
	*value = 0;
	for (size_t i = 0; i < width; i++)
		*value |= (uint64_t)bytes[i] << (8 * i);
}

void state_section(struct state *state, const char *name)
{
	char here[SECTION_NAME] = { 0 }, wanted[SECTION_NAME] = { 0 };

	memcpy(wanted, name, strlen(name));
	memcpy(here, wanted, sizeof(here));
	state_bytes(state, here, sizeof(here));
	state_require(state, memcmp(here, wanted, sizeof(here)) == 0,
		      "section '%s' is not where it belongs", name);
	state->section = name;
}

void state_time(struct state *state, uint64_t *time, uint64_t most)
{
	uint64_t now = clock_now(), word = *time == 0 ? 0 : *time - now;

	/* The one distance that says "none". */
	if (*time != 0 && word == 0)
		word = 1;
	state_word(state, &word, sizeof(word));
	state_require(state, word + most <= 2 * most, "a time out of range");
	if (state->loading)
		*time = word == 0 ? 0 : now + word;
}
