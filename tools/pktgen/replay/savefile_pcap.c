/* SPDX-License-Identifier: BSD-3-Clause */
/* Source: pcap-savefile(5). */
#include "tools/pktgen/replay/savefile_parts.h"

#include <errno.h>

#define PCAP_HEADER 24u
#define PCAP_RECORD 16u

enum { MAGIC_MICROSECONDS = 0xa1b2c3d4u,
       MAGIC_NANOSECONDS = 0xa1b23c4du };

/* In the word of the link type: is there a length of the FCS, and it, in units of two bytes. */
#define PCAP_LINK_MASK 0x03ffffffu
#define PCAP_FCS_PRESENT (1u << 26)

static bool pcap_find_magic(struct savefile *file, const uint8_t *header, uint8_t *exponent)
{
	for (int big = 0; big < 2; big++) {
		uint32_t magic;

		file->big_endian = big != 0;
		magic = savefile_load32(file, header);
		*exponent = magic == MAGIC_NANOSECONDS ? 9 : 6;
		if (magic == MAGIC_MICROSECONDS || magic == MAGIC_NANOSECONDS)
			return true;
	}
	return false;
}

int savefile_open_pcap(struct savefile *file, struct savefile_error *error)
{
	struct savefile_interface interface = { 0 };
	const uint8_t *header;
	uint32_t major, minor, link;
	int result = 0;

	header = savefile_bytes(file, 0, 4, &result, error);
	if (header == NULL)
		return result;
	if (!pcap_find_magic(file, header, &interface.unit.exponent))
		return savefile_refuse(file, 0, NULL, error, "it is no pcap or pcapng file");
	if (file->size < PCAP_HEADER)
		return savefile_refuse(file, 0, NULL, error, "it ends within the header of a pcap file");
	header = savefile_bytes(file, 0, PCAP_HEADER, &result, error);
	if (header == NULL)
		return result;
	major = savefile_load16(file, header + 4);
	minor = savefile_load16(file, header + 6);
	link = savefile_load32(file, header + 20);
	if (major != 2 || minor != 4)
		return savefile_refuse(file, 0, NULL, error, "pcap version %u.%u is not known; convert it: "
							     "editcap FILE NEW",
				       major, minor);
	if ((link & PCAP_FCS_PRESENT) != 0)
		interface.fcs = (uint8_t)(link >> 28 << 1);
	file->at = file->begin = PCAP_HEADER;
	if (savefile_check_link(file, 0, link & PCAP_LINK_MASK, 0, error) != 0)
		return -EINVAL;
	interface.link_type = SAVEFILE_ETHERNET;
	return savefile_add_interface(file, &interface);
}

/* Of `count` bytes that follow: are they there? */
static int pcap_check_rest(const struct savefile *file, uint64_t behind, uint32_t count, const char *what,
			   struct savefile_error *error)
{
	if (file->size - behind >= count)
		return 0;
	return savefile_refuse(file, file->at, NULL, error,
			       "%u bytes of %s are announced, and the file ends after %ju; "
			       "'editcap FILE NEW' keeps the whole frames",
			       count, what,
			       (uintmax_t)(file->size - behind));
}

int savefile_next_pcap(struct savefile *file, struct savefile_frame *frame, struct savefile_error *error)
{
	const struct savefile_interface *interface = &file->interface[0];
	uint64_t units = interface->unit.exponent == 9 ? 1000000000u : 1000000u;
	const uint8_t *record;
	int result = 0;

	if (file->at == file->size)
		return 0;
	file->blocks++;
	if (pcap_check_rest(file, file->at, PCAP_RECORD, "header", error) != 0)
		return -EINVAL;
	record = savefile_bytes(file, file->at, PCAP_RECORD, &result, error);
	if (record == NULL)
		return result;
	*frame = (struct savefile_frame){
		.captured = savefile_load32(file, record + 8),
		.length = savefile_load32(file, record + 12),
		.timed = true,
		.time_ns = savefile_time(interface, savefile_load32(file, record) * units +
							    savefile_load32(file, record + 4)),
	};
	if (frame->captured > SAVEFILE_FRAME_MAX)
		return savefile_refuse(file, file->at, NULL, error,
				       "a frame of %u bytes; %u at most: the file is damaged",
				       frame->captured, SAVEFILE_FRAME_MAX);
	if (pcap_check_rest(file, file->at + PCAP_RECORD, frame->captured, "frame", error) != 0)
		return -EINVAL;
	record = savefile_bytes(file, file->at, PCAP_RECORD + frame->captured, &result, error);
	if (record == NULL)
		return result;
	frame->data = record + PCAP_RECORD;
	file->at += PCAP_RECORD + frame->captured;
	savefile_trim(interface, frame);
	return 1;
}
