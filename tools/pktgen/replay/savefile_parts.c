/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers, errors and the window of a capture file. */
#include "tools/pktgen/replay/savefile_parts.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NANO 1000000000

__extension__ typedef __int128 savefile_wide;
__extension__ typedef unsigned __int128 savefile_uwide;

/* ---- numbers ---- */

uint32_t savefile_load16(const struct savefile *file, const uint8_t *from)
{
	return file->big_endian ? (uint32_t)from[0] << 8 | from[1] : (uint32_t)from[1] << 8 | from[0];
}

uint32_t savefile_load32(const struct savefile *file, const uint8_t *from)
{
	uint32_t first = savefile_load16(file, from), second = savefile_load16(file, from + 2);

	return file->big_endian ? first << 16 | second : second << 16 | first;
}

uint64_t savefile_load64(const struct savefile *file, const uint8_t *from)
{
	uint64_t first = savefile_load32(file, from), second = savefile_load32(file, from + 4);

	return file->big_endian ? first << 32 | second : second << 32 | first;
}

static savefile_wide savefile_decimal_ns(uint64_t ticks, unsigned int exponent)
{
	savefile_uwide ns = ticks;

	for (; exponent < 9; exponent++)
		ns *= 10;
	for (; exponent > 9 && ns != 0; exponent--)
		ns /= 10;
	return (savefile_wide)ns;
}

/* 2^64 ticks and 10^9 have less than 94 bits together. */
static savefile_wide savefile_binary_ns(uint64_t ticks, unsigned int exponent)
{
	return exponent > 94 ? 0 : (savefile_wide)((savefile_uwide)ticks * NANO >> exponent);
}

int64_t savefile_time(const struct savefile_interface *interface, uint64_t ticks)
{
	const struct savefile_unit *unit = &interface->unit;
	savefile_wide ns = unit->binary ? savefile_binary_ns(ticks, unit->exponent) :
					  savefile_decimal_ns(ticks, unit->exponent);

	ns += (savefile_wide)interface->offset_s * NANO;
	if (ns > INT64_MAX)
		return INT64_MAX;
	return ns < INT64_MIN ? INT64_MIN : (int64_t)ns;
}

/* A frame that was cut short may have lost a part of its FCS, or all of it. */
void savefile_trim(const struct savefile_interface *interface, struct savefile_frame *frame)
{
	if (frame->length < frame->captured)
		frame->length = frame->captured;
	frame->length -= frame->length < interface->fcs ? frame->length : interface->fcs;
	if (frame->captured > frame->length)
		frame->captured = frame->length;
}

int savefile_add_interface(struct savefile *file, const struct savefile_interface *interface)
{
	if (file->interfaces == file->interfaces_room) {
		uint32_t room = file->interfaces_room == 0 ? 4 : 2 * file->interfaces_room;
		struct savefile_interface *grown =
			reallocarray(file->interface, room, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		file->interface = grown;
		file->interfaces_room = room;
	}
	file->interface[file->interfaces++] = *interface;
	file->interfaces_seen++;
	return 0;
}

/* ---- errors ---- */

int savefile_refuse(const struct savefile *file, uint64_t offset, const char *what,
		    struct savefile_error *error, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (file->blocks == 0 && what == NULL)
		snprintf(error->text, sizeof(error->text), "%.100s: %s", file->name, text);
	else
		snprintf(error->text, sizeof(error->text), "%.100s: %s %ju at offset %ju%s%s%s: %s",
			 file->name, file->ng ? "block" : "record", (uintmax_t)file->blocks,
			 (uintmax_t)offset, what != NULL ? " (" : "", what != NULL ? what : "",
			 what != NULL ? ")" : "", text);
	return -EINVAL;
}

int savefile_fail(const struct savefile *file, int result, struct savefile_error *error)
{
	snprintf(error->text, sizeof(error->text), "%.200s: %s", file->name, strerror(-result));
	return result;
}

int savefile_check_link(const struct savefile *file, uint64_t offset, uint32_t link_type, uint32_t interface,
			struct savefile_error *error)
{
	const char *name;
	char number[16];

	if (link_type == SAVEFILE_ETHERNET)
		return 0;
	name = pcap_datalink_val_to_name((int)link_type);
	snprintf(number, sizeof(number), "%u", link_type);
	if (!file->ng)
		return savefile_refuse(file, offset, NULL, error,
				       "its link type is %s, not Ethernet (EN10MB): such frames cannot "
				       "be sent",
				       name != NULL ? name : number);
	return savefile_refuse(file, offset, "packet", error,
			       "interface %u has the link type %s, not Ethernet (EN10MB): such frames "
			       "cannot be sent; keep the others with tshark -r FILE -Y "
			       "'frame.interface_id != %u' -w NEW",
			       interface, name != NULL ? name : number, interface);
}

/* ---- the window ---- */

static int savefile_fill(struct savefile *file, uint64_t offset)
{
	uint32_t used = 0;

	file->window_used = 0;
	file->window_at = offset;
	while (used < file->window_size) {
		ssize_t got = pread(file->fd, file->window + used, file->window_size - used,
				    (off_t)(offset + used));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		used += (uint32_t)got;
	}
	file->window_used = used;
	return 0;
}

static bool savefile_is_there(const struct savefile *file, uint64_t offset, uint32_t count)
{
	return offset >= file->window_at && offset - file->window_at <= file->window_used &&
	       file->window_used - (offset - file->window_at) >= count;
}

const uint8_t *savefile_bytes(struct savefile *file, uint64_t offset, uint32_t count, int *result,
			      struct savefile_error *error)
{
	if (!savefile_is_there(file, offset, count)) {
		*result = savefile_fill(file, offset);
		if (*result != 0) {
			savefile_fail(file, *result, error);
			return NULL;
		}
	}
	if (savefile_is_there(file, offset, count))
		return file->window + (offset - file->window_at);
	*result = savefile_refuse(file, offset, NULL, error,
				  "the file became shorter while it was read");
	return NULL;
}
