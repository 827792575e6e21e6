/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/savefile_builder.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void built_clear(struct built *built, bool big)
{
	built->big = big;
	built->size = 0;
}

void built_put8(struct built *built, unsigned int value)
{
	assert(built->size < BUILT_MAX);
	built->bytes[built->size++] = (uint8_t)value;
}

static void built_put(struct built *built, uint64_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		built_put8(built, (unsigned int)(value >> 8 * (built->big ? bytes - 1 - i : i)) & 0xff);
}

void built_put16(struct built *built, unsigned int value)
{
	built_put(built, value, 2);
}

void built_put32(struct built *built, uint32_t value)
{
	built_put(built, value, 4);
}

void built_put64(struct built *built, uint64_t value)
{
	built_put(built, value, 8);
}

void built_put_frame(struct built *built, uint32_t captured, unsigned int seed)
{
	for (uint32_t i = 0; i < captured; i++)
		built_put8(built, (i + seed) & 0xff);
}

void built_pcap(struct built *built, uint32_t magic, uint32_t link)
{
	built_put32(built, magic);
	built_put16(built, 2);
	built_put16(built, 4);
	built_put64(built, 0);
	built_put32(built, 65535);
	built_put32(built, link);
}

void built_record(struct built *built, uint32_t s, uint32_t fraction, uint32_t captured, uint32_t length)
{
	built_put32(built, s);
	built_put32(built, fraction);
	built_put32(built, captured);
	built_put32(built, length);
	built_put_frame(built, captured, captured);
}

size_t built_begin(struct built *built, uint32_t type)
{
	built_put32(built, type);
	built_put32(built, 0);
	return built->size - 4;
}

void built_end(struct built *built, size_t begin)
{
	size_t end;

	while (built->size % 4 != 0)
		built_put8(built, 0);
	built_put32(built, (uint32_t)(built->size + 8 - begin));
	end = built->size;
	built->size = begin;
	built_put32(built, (uint32_t)(end + 4 - begin));
	built->size = end;
}

void built_section(struct built *built)
{
	size_t begin = built_begin(built, 0x0a0d0d0a);

	built_put32(built, 0x1a2b3c4d);
	built_put16(built, 1);
	built_put16(built, 0);
	built_put64(built, UINT64_MAX);
	built_end(built, begin);
}

static void built_option(struct built *built, unsigned int code, unsigned int length, uint64_t value)
{
	built_put16(built, code);
	built_put16(built, length);
	built_put(built, value, length);
	while (built->size % 4 != 0)
		built_put8(built, 0);
}

void built_interface(struct built *built, unsigned int link, uint32_t snaplen, int resolution, int64_t offset_s,
		     int fcs)
{
	size_t begin = built_begin(built, 1);

	built_put16(built, link);
	built_put16(built, 0);
	built_put32(built, snaplen);
	built_option(built, 2, 4, 0x65746830);
	if (resolution >= 0)
		built_option(built, 9, 1, (uint64_t)resolution);
	if (fcs >= 0)
		built_option(built, 13, 1, (uint64_t)fcs);
	if (offset_s != 0)
		built_option(built, 14, 8, (uint64_t)offset_s);
	built_option(built, 0, 0, 0);
	built_end(built, begin);
}

void built_enhanced(struct built *built, uint32_t interface, uint64_t ticks, uint32_t captured, uint32_t length)
{
	size_t begin = built_begin(built, 6);

	built_put32(built, interface);
	built_put32(built, (uint32_t)(ticks >> 32));
	built_put32(built, (uint32_t)ticks);
	built_put32(built, captured);
	built_put32(built, length);
	built_put_frame(built, captured, captured);
	built_end(built, begin);
}

void built_simple(struct built *built, uint32_t captured, uint32_t length)
{
	size_t begin = built_begin(built, 3);

	built_put32(built, length);
	built_put_frame(built, captured, captured);
	built_end(built, begin);
}

void built_obsolete(struct built *built, unsigned int interface, uint64_t ticks, uint32_t captured)
{
	size_t begin = built_begin(built, 2);

	built_put16(built, interface);
	built_put16(built, 0xffff);
	built_put32(built, (uint32_t)(ticks >> 32));
	built_put32(built, (uint32_t)ticks);
	built_put32(built, captured);
	built_put32(built, captured);
	built_put_frame(built, captured, captured);
	built_end(built, begin);
}

int built_fd(const struct built *built, size_t size)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);

	assert(fd >= 0 && write(fd, built->bytes, size) == (ssize_t)size);
	return fd;
}

void built_path(int fd, char path[64])
{
	snprintf(path, 64, "/proc/self/fd/%d", fd);
}

int built_open(const struct built *built, size_t size, struct savefile **file, struct savefile_error *error)
{
	return savefile_open_fd(file, built_fd(built, size), "x.pcap", error);
}
