/* SPDX-License-Identifier: BSD-3-Clause */
/* The reader of capture files: every kind of block, unit and byte order; each error; files that end
 * anywhere. What it says of pcap files is what libpcap says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "tests/unit/savefile_builder.h"

static struct built built;
static struct savefile_error error;

static struct savefile *open_whole(void)
{
	struct savefile *file;

	if (built_open(&built, built.size, &file, &error) != 0)
		fail_msg("%s", error.text);
	return file;
}

/* The next frame is one of these tests, of that length and time. */
static void expect_frame(struct savefile *file, uint32_t captured, uint32_t length, int64_t time_ns)
{
	struct savefile_frame frame;
	int result = savefile_next(file, &frame, &error);

	if (result != 1)
		fail_msg("%d: %s", result, result < 0 ? error.text : "no frame");
	assert_int_equal(frame.captured, captured);
	assert_int_equal(frame.length, length);
	assert_true(frame.time_ns == time_ns);
	for (uint32_t i = 0; i < captured; i++)
		assert_int_equal(frame.data[i], (i + captured) & 0xff);
}

static void expect_end(struct savefile *file)
{
	struct savefile_frame frame;

	assert_int_equal(savefile_next(file, &frame, &error), 0);
	savefile_close(file);
}

/* What is built is refused, at open or later, with these words. */
static void expect_refused(const char *words)
{
	struct savefile *file = NULL;
	struct savefile_frame frame;
	int result = built_open(&built, built.size, &file, &error);

	while (result == 0 || result == 1) {
		result = savefile_next(file, &frame, &error);
		if (result == 0)
			fail_msg("nothing is wrong, where this is: %s", words);
	}
	assert_int_equal(result, -22);
	if (strstr(error.text, words) == NULL)
		fail_msg("'%s' is not in '%s'", words, error.text);
	savefile_close(file);
}

/* ---- pcap ---- */

static void test_pcap(void **state)
{
	static const struct {
		uint32_t magic;
		uint32_t unit_ns;
	} kinds[] = { { 0xa1b2c3d4, 1000 }, { 0xa1b23c4d, 1 } };

	(void)state;
	for (int i = 0; i < 4; i++) {
		uint32_t unit = kinds[i / 2].unit_ns;
		struct savefile *file;

		built_clear(&built, i % 2 != 0);
		built_pcap(&built, kinds[i / 2].magic, 1);
		built_record(&built, 1, 999999, 60, 60);
		built_record(&built, 4294967295u, 5, 14, 1514);
		built_record(&built, 0, 0, 0, 0);
		file = open_whole();
		assert_string_equal(savefile_format(file), "pcap");
		for (int loop = 0; loop < 3; loop++) {
			savefile_rewind(file);
			assert_int_equal(savefile_interfaces(file), 1);
			expect_frame(file, 60, 60, 1000000000LL + 999999LL * unit);
			expect_frame(file, 14, 1514, 4294967295LL * 1000000000 + 5 * unit);
			expect_frame(file, 0, 0, 0);
		}
		expect_end(file);
	}
}

/* Another reader finds the same. */
static void test_libpcap_agrees(void **state)
{
	char why[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *header;
	const u_char *bytes;
	struct savefile *file;
	pcap_t *other;
	int fd;

	(void)state;
	built_clear(&built, true);
	built_pcap(&built, 0xa1b2c3d4, 1);
	for (uint32_t i = 1; i < 500; i++)
		built_record(&built, i, i * 1999, i, 2 * i);
	file = open_whole();
	fd = built_fd(&built, built.size);
	lseek(fd, 0, SEEK_SET);
	other = pcap_fopen_offline_with_tstamp_precision(fdopen(fd, "r"), PCAP_TSTAMP_PRECISION_NANO, why);
	assert_non_null(other);
	while (pcap_next_ex(other, &header, &bytes) == 1) {
		struct savefile_frame frame;

		assert_int_equal(savefile_next(file, &frame, &error), 1);
		assert_int_equal(frame.captured, header->caplen);
		assert_int_equal(frame.length, header->len);
		assert_true(frame.time_ns == header->ts.tv_sec * 1000000000LL + header->ts.tv_usec);
		assert_memory_equal(frame.data, bytes, header->caplen);
	}
	expect_end(file);
	pcap_close(other);
}

/* A file with FCS has it taken away, also where a frame was cut within it. */
static void test_fcs(void **state)
{
	struct savefile *file;

	(void)state;
	built_clear(&built, false);
	built_pcap(&built, 0xa1b2c3d4, 1 | 1u << 26 | 2u << 28);
	built_record(&built, 0, 0, 64, 64);
	built_record(&built, 0, 0, 62, 64);
	built_record(&built, 0, 0, 40, 64);
	built_record(&built, 0, 0, 3, 3);
	file = open_whole();
	for (uint32_t i = 0; i < 4; i++) {
		static const uint32_t captured[] = { 60, 60, 40, 0 }, length[] = { 60, 60, 60, 0 };
		struct savefile_frame frame;

		assert_int_equal(savefile_next(file, &frame, &error), 1);
		assert_int_equal(frame.captured, captured[i]);
		assert_int_equal(frame.length, length[i]);
	}
	expect_end(file);
}

static void test_pcap_errors(void **state)
{
	(void)state;
	built_clear(&built, false);
	expect_refused("x.pcap: the file is empty");
	built_put32(&built, 0xa1b2c3d4);
	expect_refused("4 bytes are too few for a pcap or pcapng file");
	built_put32(&built, 0x00040002);
	expect_refused("it ends within the header of a pcap file");
	built_clear(&built, false);
	built_put64(&built, 0x1122334455667788);
	expect_refused("it is no pcap or pcapng file");
	built_clear(&built, false);
	built_put64(&built, 0x8b1f);
	expect_refused("a gzip archive; gunzip it first");
	for (int big = 0; big < 2; big++) {
		built_clear(&built, big != 0);
		built_pcap(&built, 0xa1b2cd34, 1);
		expect_refused("of a form that is no longer written; convert it: editcap FILE NEW");
		built_clear(&built, big != 0);
		built_pcap(&built, 0xa1b2c3d4, 113);
		expect_refused("its link type is LINUX_SLL, not Ethernet (EN10MB)");
		built_clear(&built, big != 0);
		built_pcap(&built, 0xa1b2c3d4, 60000);
		expect_refused("its link type is 60000, not Ethernet");
		built_clear(&built, big != 0);
		built_pcap(&built, 0xa1b2c3d4, 1);
		built_record(&built, 1, 1, 60, 60);
		built_record(&built, 1, 1, 0, 0);
		built.size -= 8;
		expect_refused("x.pcap: record 2 at offset 100: 16 bytes of header are announced, and the "
			       "file ends after 8; 'editcap FILE NEW' keeps the whole frames");
		built.size -= 8;
		built_record(&built, 1, 1, 60, 60);
		built.size -= 10;
		expect_refused("record 2 at offset 100: 60 bytes of frame are announced, and the file ends "
			       "after 50;");
		built_clear(&built, big != 0);
		built_pcap(&built, 0xa1b2c3d4, 1);
		built_put64(&built, 0);
		built_put32(&built, 262145);
		built_put32(&built, 262145);
		expect_refused("record 1 at offset 24: a frame of 262145 bytes; 262144 at most");
		built_clear(&built, big != 0);
		built_put32(&built, 0xa1b2c3d4);
		built_put16(&built, 2);
		built_put16(&built, 3);
		built_put64(&built, 0);
		built_put64(&built, 0);
		expect_refused("pcap version 2.3 is not known");
	}
}

/* ---- pcapng ---- */

/* One section with all that it may have. */
static void build_everything(void)
{
	size_t begin;

	built_section(&built);
	built_interface(&built, 1, 0, -1, 0, -1);
	begin = built_begin(&built, 0x0bad);
	built_put64(&built, 1);
	built_end(&built, begin);
	built_interface(&built, 1, 40, 9, 100, -1);
	built_enhanced(&built, 0, 7000001, 61, 62);
	built_enhanced(&built, 1, 5000000005, 33, 33);
	built_simple(&built, 35, 35);
	built_obsolete(&built, 1, 42, 30);
}

static void expect_everything(struct savefile *file)
{
	struct savefile_frame frame;

	expect_frame(file, 61, 62, 7000001000);
	expect_frame(file, 33, 33, 105000000005);
	assert_int_equal(savefile_next(file, &frame, &error), 1);
	assert_false(frame.timed);
	assert_int_equal(frame.captured, 35);
	expect_frame(file, 30, 30, 100000000042);
}

static void test_pcapng(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++) {
		struct savefile *file;

		built_clear(&built, big != 0);
		build_everything();
		built.big = big == 0; /* the next section is of the other byte order */
		build_everything();
		file = open_whole();
		assert_string_equal(savefile_format(file), "pcapng");
		for (int loop = 0; loop < 2; loop++) {
			savefile_rewind(file);
			expect_everything(file);
			expect_everything(file);
			assert_int_equal(savefile_interfaces(file), 4);
		}
		expect_end(file);
	}
}

static void test_units(void **state)
{
	static const struct {
		int resolution;
		int64_t offset_s;
		uint64_t ticks;
		int64_t ns;
	} units[] = {
		{ -1, 0, 3, 3000 },
		{ 0, 0, 3, 3000000000 },
		{ 3, 0, 3, 3000000 },
		{ 6, -1, 3, 3000 - 1000000000 },
		{ 9, 0, 3, 3 },
		{ 12, 0, 2999, 2 },
		{ 127, 0, UINT64_MAX, 0 },
		{ 0x80, 0, 3, 3000000000 },
		{ 0x80 | 1, 0, 3, 1500000000 },
		{ 0x80 | 10, 0, 1, 976562 },
		{ 0x80 | 94, 0, UINT64_MAX, 0 },
		{ 0xff, 0, UINT64_MAX, 0 },
		{ 0, 0, UINT64_MAX, INT64_MAX },
		{ 9, INT64_MAX, 0, INT64_MAX },
		{ 9, INT64_MIN, 0, INT64_MIN },
		{ 9, 0, UINT64_MAX, INT64_MAX },
	};

	(void)state;
	built_clear(&built, false);
	built_section(&built);
	for (uint32_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		built_interface(&built, 1, 0, units[i].resolution, units[i].offset_s, -1);
		built_enhanced(&built, i, units[i].ticks, 20, 20);
	}
	{
		struct savefile *file = open_whole();

		for (uint32_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
			expect_frame(file, 20, 20, units[i].ns);
		expect_end(file);
	}
}

static void test_snaplen_and_fcs(void **state)
{
	struct savefile *file;

	(void)state;
	built_clear(&built, true);
	built_section(&built);
	built_interface(&built, 1, 20, 9, 0, 4);
	built_simple(&built, 20, 64); /* cut by the interface */
	built_enhanced(&built, 0, 0, 64, 64);
	built_section(&built);
	built_interface(&built, 1, 0, 9, 0, -1);
	built_simple(&built, 16, 64); /* cut, and nobody says where: by the block */
	file = open_whole();
	expect_frame(file, 20, 60, 0);
	{
		struct savefile_frame frame;

		assert_int_equal(savefile_next(file, &frame, &error), 1);
		assert_int_equal(frame.captured, 60);
		assert_int_equal(frame.length, 60);
	}
	expect_frame(file, 16, 64, 0);
	expect_end(file);
}

static void begin_errors(bool big, unsigned int link)
{
	built_clear(&built, big);
	built_section(&built);
	built_interface(&built, link, 0, -1, 0, -1);
}

/* The length of the block that begins at `offset`, changed in front, or behind. */
static void poke(size_t offset, uint32_t value)
{
	size_t end = built.size;

	built.size = offset;
	built_put32(&built, value);
	built.size = end;
}

static void test_pcapng_packet_errors(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++) {
		size_t at;

		begin_errors(big != 0, 1);
		at = built.size;
		built_enhanced(&built, 1, 0, 20, 20);
		expect_refused("(enhanced packet): it is of interface 1, and 1 were described");
		built.size = at;
		built_enhanced(&built, 0, 0, 20, 20);
		poke(at + 20, 24);
		expect_refused("a frame of 24 bytes in a block that has room for 20");
		poke(at + 20, 262145);
		expect_refused("a frame of 262145 bytes; 262144 at most");
		poke(at + 20, 20);
		poke(at + 4, 50);
		expect_refused("block 3 at offset 60 (enhanced packet): its length is 50: 32 at least and a "
			       "multiple of 4 is wanted");
		poke(at + 4, 28);
		expect_refused("its length is 28: 32 at least");
		poke(at + 4, 60);
		expect_refused("60 bytes are announced, and the file ends after 52;");
		poke(at + 4, 48);
		expect_refused("its length is 48 at its begin and");
		begin_errors(big != 0, 276);
		built_enhanced(&built, 0, 0, 20, 20);
		expect_refused("interface 0 has the link type LINUX_SLL2, not Ethernet (EN10MB)");
		built_clear(&built, big != 0);
		built_section(&built);
		built_simple(&built, 20, 20);
		expect_refused("(simple packet): it is of interface 0, and 0 were described");
		begin_errors(big != 0, 1);
		built_simple(&built, 20, 20);
		built.size -= 32 - 8;
		expect_refused("(simple packet): 36 bytes are announced");
		built.size -= 4;
		expect_refused("8 bytes are left, too few for a block");
	}
}

static void test_pcapng_interface_errors(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++) {
		size_t begin;

		built_clear(&built, big != 0);
		built_section(&built);
		poke(8, 0x11223344);
		expect_refused("block 1 at offset 0 (section header): it has no byte order");
		built_clear(&built, big != 0);
		built_section(&built);
		poke(12, big != 0 ? 0x00020000 : 0x00000002);
		expect_refused("version 2.0 is not known");
		for (unsigned int code = 9; code <= 14; code += code == 9 ? 4 : 1) {
			built_clear(&built, big != 0);
			built_section(&built);
			begin = built_begin(&built, 1);
			built_put64(&built, 1);
			built_put16(&built, code);
			built_put16(&built, 2);
			built_put32(&built, 0);
			built_end(&built, begin);
			expect_refused(code == 9 ? "its option 9 has 2 bytes, which is wrong" : code == 13 ? "its option 13 has 2 bytes"
													   : "its option 14 has 2 bytes");
		}
		built_clear(&built, big != 0);
		built_section(&built);
		begin = built_begin(&built, 1);
		built_put64(&built, 1);
		built_put16(&built, 2);
		built_put16(&built, 5);
		built_put32(&built, 0);
		built_end(&built, begin);
		expect_refused("(interface description): its option 2 of 5 bytes does not fit into it");
	}
}

/* ---- any end, any byte ---- */

/* Frames of the first `size` bytes; each read of them is checked by the sanitizer's build. */
static unsigned int read_all(size_t size, int *result)
{
	struct savefile_frame frame;
	struct savefile *file;
	unsigned int frames = 0;

	*result = built_open(&built, size, &file, &error);
	if (*result != 0)
		return 0;
	while ((*result = savefile_next(file, &frame, &error)) == 1) {
		unsigned char *copy = malloc(frame.captured + 1);

		memcpy(copy, frame.data, frame.captured);
		free(copy);
		frames++;
	}
	savefile_close(file);
	return frames;
}

/* Of the ends, only those between records or blocks are none to complain of. */
static void cut_everywhere(unsigned int whole_ends)
{
	unsigned int frames, good = 0;
	int result;

	for (size_t size = 0; size <= built.size; size++) {
		frames = read_all(size, &result);
		assert_true(result == 0 || result == -22);
		good += result == 0;
	}
	assert_int_equal(good, whole_ends);
	assert_int_equal(frames, 4);
}

static void test_cut_anywhere(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++) {
		built_clear(&built, big != 0);
		built_pcap(&built, 0xa1b23c4d, 1);
		for (uint32_t i = 0; i < 4; i++)
			built_record(&built, i, i, 20 + i, 20 + i);
		cut_everywhere(5);
		built_clear(&built, big != 0);
		build_everything();
		cut_everywhere(8);
	}
}

/* Every byte takes every value: no crash, no end without an end. */
static void test_any_byte(void **state)
{
	int result;

	(void)state;
	for (int format = 0; format < 2; format++) {
		built_clear(&built, format != 0);
		if (format == 0) {
			built_pcap(&built, 0xa1b23c4d, 1);
			built_record(&built, 1, 1, 20, 20);
		} else {
			build_everything();
		}
		for (size_t i = 0; i < built.size; i++) {
			uint8_t kept = built.bytes[i];

			for (unsigned int value = 0; value < 256; value += 5) {
				built.bytes[i] = (uint8_t)value;
				read_all(built.size, &result);
			}
			built.bytes[i] = kept;
		}
	}
}

/* A file that is larger than its window, with a block in it that is larger too. */
static void test_window(void **state)
{
	static struct built large;
	struct savefile_frame frame;
	struct savefile *file;
	int fd;

	(void)state;
	built_clear(&built, false);
	built_section(&built);
	built_interface(&built, 1, 0, 9, 0, -1);
	fd = built_fd(&built, built.size);
	for (uint32_t i = 0; i < 8; i++) {
		size_t begin;

		built_clear(&large, false);
		built_enhanced(&large, 0, i, 262144, 262144);
		begin = built_begin(&large, 0x0bad);
		large.size += 700000 - i * 4;
		built_end(&large, begin);
		built_enhanced(&large, 0, i, i, i);
		assert_int_equal(write(fd, large.bytes, large.size), large.size);
	}
	assert_int_equal(savefile_open_fd(&file, fd, "large", &error), 0);
	for (int loop = 0; loop < 2; loop++) {
		savefile_rewind(file);
		for (uint32_t i = 0; i < 8; i++) {
			expect_frame(file, 262144, 262144, i);
			expect_frame(file, i, i, i);
		}
		assert_int_equal(savefile_next(file, &frame, &error), 0);
	}
	/* It becomes shorter while it is read. */
	savefile_rewind(file);
	assert_int_equal(savefile_next(file, &frame, &error), 1);
	assert_int_equal(ftruncate(fd, 800000), 0);
	assert_int_equal(savefile_next(file, &frame, &error), -22);
	assert_non_null(strstr(error.text, "the file became shorter while it was read"));
	savefile_close(file);
}

static void test_not_a_file(void **state)
{
	struct savefile *file;

	(void)state;
	assert_int_equal(savefile_open(&file, "/nowhere/x.pcap", &error), -2);
	assert_non_null(strstr(error.text, "/nowhere/x.pcap: No such file"));
	assert_int_equal(savefile_open(&file, "/dev/null", &error), -22);
	assert_non_null(strstr(error.text, "it is no plain file"));
	assert_null(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pcap),
		cmocka_unit_test(test_libpcap_agrees),
		cmocka_unit_test(test_fcs),
		cmocka_unit_test(test_pcap_errors),
		cmocka_unit_test(test_pcapng),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_snaplen_and_fcs),
		cmocka_unit_test(test_pcapng_packet_errors),
		cmocka_unit_test(test_pcapng_interface_errors),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_any_byte),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_not_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
