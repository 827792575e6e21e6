/* SPDX-License-Identifier: BSD-3-Clause */
/* Flows compiled to frames (tools/pktgen/packet/): fields, patterns, lengths, sizes, payload, refusals. */
#include "tests/unit/flow_builder.h"

#include <errno.h>

#include "tools/pktgen/packet/payload.h"
#include "tools/pktgen/packet/signature.h"
#include "tools/pktgen/packet/template_private.h"

static int end(void **state)
{
	(void)state;
	flow_end();
	return 0;
}

static void assert_frame(struct template *template, uint64_t n, const char *hex)
{
	uint32_t length;
	const uint8_t *frame = flow_frame(template, n, &length);
	uint32_t i = 0;

	for (; *hex; hex++) {
		unsigned int byte;

		if (*hex == ' ')
			continue;
		assert_int_equal(sscanf(hex++, "%2x", &byte), 1);
		if (frame[i] != byte)
			fail_msg("byte %u is %02x instead of %02x", i, frame[i], byte);
		i++;
	}
	assert_int_equal(i, length);
}

/* All of a frame, by hand. */
static void a_frame_as_the_texts_say(void **state)
{
	(void)state;
	flow_begin(66);
	flow_headers(HEADER_ETHERNET, HEADER_VLAN, HEADER_IPV4, HEADER_UDP, -1);
	flow_value(0, "ether_type", 0x88a8);
	flow_value(1, "priority", 5);
	flow_value(1, "id", 100);
	flow_value(2, "src", 0xc6120001);
	flow_value(2, "dst", 0xc6130001);
	flow_value(2, "priority.dscp.phb", 46);
	flow_value(2, "dont_fragment", 1);
	flow_value(3, "src_port", 49152);
	flow_value(3, "dst_port", 9);
	assert_frame(flow_compile(), 0x102,
		     "020000000002 020000000001 88a8 a0640800"
		     "45b80030 00004000 4011addd c6120001 c6130001"
		     "c0000009 001c5a34 0302"
		     "505b 00000007 000000000102 0000000004ea");
}

/* ---- patterns ---- */

#define SOME_FRAMES 2000

/* Number n of all frames that are looked at: the first, and some that are far apart. */
static uint64_t some_number(uint32_t i)
{
	return i < 1000 ? i : (uint64_t)i * i * i * 4111111111;
}

/* The field lies at `bit` and changes as it should, in new frames and in one that is used again. */
static void assert_pattern(uint32_t bit, uint32_t bits, const struct traffic_field *field)
{
	struct template *template = flow_compile();
	static uint8_t again[FRAME_ROOM];
	uint64_t count = field->count ? field->count : 1;

	template_build(template, again, template_size(template, 99), 99, 99, true);
	for (uint32_t i = 0; i < SOME_FRAMES; i++) {
		uint64_t n = some_number(i) >> 1;
		uint32_t length;
		traffic_value found = bits_at(flow_frame(template, n, &length), bit, bits);

		if (field->pattern == TRAFFIC_VALUES)
			assert_true(found == field->values[n % field->value_count]);
		else if (field->pattern == TRAFFIC_INCREMENT)
			assert_true(found == field->start + n % count * field->step);
		else
			assert_true(found == field->start - n % count * field->step);
		template_build(template, again, length, n, n, false);
		assert_true(bits_at(again, bit, bits) == found);
		assert_memory_equal(again, flow_frame(template, n, &length), length - SIGNATURE_SIZE);
	}
}

static void steps_of_fields_of_all_widths(void **state)
{
	static const struct {
		int header;
		const char *name;
		uint32_t bit, bits;
	} fields[] = {
		{ 0, "dst", 0, 48 },
		{ 0, "src", 48, 48 },
		{ 0, "ether_type", 96, 16 },
		{ 1, "priority", 112, 3 },
		{ 1, "cfi", 115, 1 },
		{ 1, "id", 116, 12 },
		{ 2, "label", 144, 20 },
		{ 2, "traffic_class", 164, 3 },
		{ 2, "time_to_live", 168, 8 },
		{ 3, "header_length", 180, 4 },
		{ 3, "priority.raw", 184, 8 },
		{ 3, "fragment_offset", 227, 13 },
		{ 3, "src", 272, 32 },
		{ 4, "seq_num", 368, 32 },
		{ 4, "ctl_syn", 446, 1 },
		{ 4, "checksum", 0, 0 },
	};

	(void)state;
	for (uint32_t i = 0; fields[i].bits; i++) {
		traffic_value largest = ((traffic_value)1 << fields[i].bits) - 1;

		for (uint64_t count = 1; count <= largest && count < 5000; count = count * 3 + 1) {
			traffic_value step = count == 1 ? 1 : largest / (count - 1);

			flow_begin(90);
			flow_headers(HEADER_ETHERNET, HEADER_VLAN, HEADER_MPLS, HEADER_IPV4, HEADER_TCP, -1);
			flow_steps(fields[i].header, fields[i].name, TRAFFIC_INCREMENT, 0, step, count);
			assert_pattern(fields[i].bit, fields[i].bits, flow_field(fields[i].header, fields[i].name));
			flow_steps(fields[i].header, fields[i].name, TRAFFIC_DECREMENT, largest, step, count);
			assert_pattern(fields[i].bit, fields[i].bits, flow_field(fields[i].header, fields[i].name));
		}
	}
}

#define U128(high, low) ((traffic_value)(high) << 64 | (low))

static void steps_of_addresses_carry(void **state)
{
	static const uint64_t parts[] = { 0, 1, UINT64_C(0x20010db800000000), UINT64_MAX - 3 };

	(void)state;
	for (uint32_t i = 0; i < 4 * 4 * 2; i++) {
		traffic_value step = U128(i & 1, parts[i / 2 % 4] & 0xffffffff);
		traffic_value start = U128(parts[i / 8], UINT64_MAX - 77);

		if (start + 200 * step < start)
			continue;
		flow_begin(110);
		flow_headers(HEADER_ETHERNET, HEADER_IPV6, HEADER_UDP, -1);
		flow_steps(1, "src", TRAFFIC_INCREMENT, start, step, 200);
		assert_pattern(176, 128, flow_field(1, "src"));
		flow_steps(1, "src", TRAFFIC_UNSET, 0, 0, 0);
		flow_steps(1, "dst", TRAFFIC_DECREMENT, start + 200 * step, step, 200);
		assert_pattern(304, 128, flow_field(1, "dst"));
	}
}

static void values_one_after_the_other(void **state)
{
	struct traffic_field *field;

	(void)state;
	for (uint32_t count = 1; count < 40; count += 6) {
		flow_begin(110);
		flow_headers(HEADER_ETHERNET, HEADER_IPV6, HEADER_UDP, -1);
		field = flow_field(1, "dst");
		field->pattern = TRAFFIC_VALUES;
		field->values = calloc(count, sizeof(*field->values));
		field->value_count = count;
		for (uint32_t i = 0; i < count; i++)
			field->values[i] = U128(i * 77777777 * (count & 1), i * 333333333333);
		assert_pattern(304, 128, field);
	}
}

/* In their limits, all of these, repeated after `count`, other ones for another seed, evenly spread. */
static void random_values(void **state)
{
	uint32_t seen[2][16] = { 0 };
	uint32_t length;
	uint32_t same = 0;
	struct template *first, *second;

	(void)state;
	flow_begin(110);
	flow_headers(HEADER_ETHERNET, HEADER_IPV6, HEADER_UDP, -1);
	*flow_field(1, "traffic_class") = (struct traffic_field){ .pattern = TRAFFIC_RANDOM, .min = 3, .max = 18, .seed = 1 };
	*flow_field(1, "src") = (struct traffic_field){ .pattern = TRAFFIC_RANDOM, .min = U128(1, 5), .max = U128(3, 4), .count = 1000, .seed = 1 };
	*flow_field(2, "src_port") = (struct traffic_field){ .pattern = TRAFFIC_RANDOM, .max = 65535, .seed = 1 };
	*flow_field(2, "dst_port") = (struct traffic_field){ .pattern = TRAFFIC_RANDOM, .max = 65535, .seed = 1 };
	first = flow_compile();
	flow_field(1, "traffic_class")->seed = 2;
	second = flow_compile();
	for (uint32_t n = 0; n < 16000; n++) {
		const uint8_t *frame = flow_frame(first, n, &length);
		traffic_value address = bits_at(frame, 176, 128);
		traffic_value small = bits_at(frame, 116, 8);

		assert_true(address >= U128(1, 5) && address <= U128(3, 4));
		assert_true(small >= 3 && small <= 18);
		seen[0][small - 3]++;
		same += bits_at(frame, 432, 16) == bits_at(frame, 448, 16);
		assert_true(bits_at(flow_frame(first, n + 1000, &length), 176, 128) == address);
		seen[1][n % 16] += bits_at(flow_frame(second, n, &length), 116, 8) == small;
	}
	for (uint32_t i = 0; i < 16; i++) {
		assert_in_range(seen[0][i], 850, 1150);
		assert_in_range(seen[1][i], 25, 110);
	}
	assert_in_range(same, 0, 5);
	/* One value for all frames. */
	flow_field(1, "src")->count = 1;
	second = flow_compile();
	for (uint32_t n = 0; n < 16; n++)
		assert_true(bits_at(flow_frame(second, n, &length), 176, 128) ==
			    bits_at(flow_frame(first, 0, &length), 176, 128));
}

static void remainders_without_division(void **state)
{
	uint64_t divisor = 2;

	(void)state;
	for (uint32_t i = 0; i < 4000; i++) {
		struct template_divisor made;
		uint64_t n = template_hash(7, i) >> 1 >> i % 63;

		divisor = i < 300 ? i + 2 : (template_hash(8, i) >> 1 >> i % 61) + 2;
		if (i % 5 == 0)
			divisor = UINT64_C(1) << (1 + i / 5 % 62);
		template_divisor_init(&made, divisor);
		assert_true(template_modulo(&made, n) == n % divisor);
		n = INT64_MAX - i;
		assert_true(template_modulo(&made, n) == n % divisor);
		n -= n % divisor;
		assert_true(template_modulo(&made, n) == 0);
		assert_true(template_modulo(&made, n - 1) == divisor - 1);
	}
	template_divisor_init(&(struct template_divisor){ 0 }, 0);
}

/* ---- sizes, lengths, payload ---- */

/* Lengths in the headers are those of a frame of `size`. */
static void assert_lengths(const uint8_t *frame, uint32_t size, uint32_t length)
{
	assert_int_equal(length, size < 60 ? 60 : size);
	assert_int_equal(bits_at(frame, 128, 16), size - 14);
	assert_int_equal(bits_at(frame, 304, 16), size - 34);
	for (uint32_t i = size; i < length; i++)
		assert_int_equal(frame[i], 0);
}

static uint32_t sizes_seen[9001];

static void count_sizes(struct template *template, uint32_t frames)
{
	static uint8_t again[FRAME_ROOM];
	double sum = 0;

	memset(sizes_seen, 0, sizeof(sizes_seen));
	template_build(template, again, template_size(template, 0), 0, 0, true);
	for (uint32_t n = 0; n < frames; n++) {
		uint32_t size = template_size(template, n);
		uint32_t length;
		const uint8_t *frame = flow_frame(template, n, &length);

		assert_true(size <= template_size_max(template));
		assert_int_equal(template_build(template, again, size, n, n, false), length);
		for (uint32_t i = 0; i < template_signatures(template, size); i++)
			memcpy(again + template_signature_at(template, size, i),
			       frame + template_signature_at(template, size, i), SIGNATURE_SIZE);
		assert_memory_equal(again, frame, length);
		assert_lengths(frame, size, length);
		assert_int_equal(template_signatures(template, size), size >= 42 + SIGNATURE_SIZE);
		sizes_seen[size]++;
		sum += size;
	}
	assert_true(sum / frames > 0.97 * template_size_mean(template) &&
		    sum / frames < 1.03 * template_size_mean(template));
}

static void ip_udp(uint32_t size)
{
	flow_begin(size);
	flow_headers(HEADER_ETHERNET, HEADER_IPV4, HEADER_UDP, -1);
}

static struct traffic_size *range(enum traffic_size_kind kind, uint32_t min, uint32_t max, uint32_t step)
{
	struct traffic_size *size;

	ip_udp(0);
	size = &flow_of()->size;
	*size = (struct traffic_size){ .kind = kind, .min = min, .max = max, .step = step };
	return size;
}

static void sizes_are_those_of_the_flow(void **state)
{
	static const struct traffic_weight imix[] = { { 60, 7 }, { 566, 4 }, { 1514, 1 }, { 99, 0 } };
	struct traffic_size *size;

	(void)state;
	for (uint32_t fixed = 42; fixed < 70; fixed++) {
		ip_udp(fixed);
		count_sizes(flow_compile(), 300);
		assert_int_equal(sizes_seen[fixed], 300);
	}
	range(TRAFFIC_SIZE_INCREMENT, 50, 1514, 100);
	count_sizes(flow_compile(), 1500);
	for (uint32_t i = 50; i <= 1450; i += 100)
		assert_int_equal(sizes_seen[i], 100);
	range(TRAFFIC_SIZE_INCREMENT, 80, 81, 5);
	assert_int_equal(template_size_max(flow_compile()), 80);
	range(TRAFFIC_SIZE_RANDOM, 42, 141, 0);
	count_sizes(flow_compile(), 20000);
	for (uint32_t i = 42; i <= 141; i++)
		assert_in_range(sizes_seen[i], 140, 260);
	size = range(TRAFFIC_SIZE_WEIGHTS, 0, 0, 0);
	size->weight_count = 4;
	size->weight = malloc(sizeof(imix));
	memcpy(size->weight, imix, sizeof(imix));
	count_sizes(flow_compile(), 12000);
	assert_in_range(sizes_seen[60], 6800, 7200);
	assert_in_range(sizes_seen[566], 3800, 4200);
	assert_in_range(sizes_seen[1514], 900, 1100);
}

static void short_frames_go_out_as_they_are_if_wanted(void **state)
{
	uint32_t length;

	(void)state;
	ip_udp(45);
	flow_of()->size.no_pad = true;
	flow_frame(flow_compile(), 0, &length);
	assert_int_equal(length, 45);
	assert_int_equal(template_padded(flow_compile(), 45), 45);
}

static uint8_t payload_at(uint32_t i)
{
	uint32_t length;

	return flow_frame(flow_compile(), 3, &length)[42 + i];
}

static void payload_as_it_is_asked_for(void **state)
{
	static const struct {
		enum traffic_payload kind;
		bool once;
		uint8_t byte[4]; /* of 0, 1, 258, 515 */
	} kinds[] = {
		{ TRAFFIC_PAYLOAD_ZERO, false, { 0, 0, 0, 0 } },
		{ TRAFFIC_PAYLOAD_FIXED, false, { 0xab, 0xcd, 0xab, 0xef } }, /* abcdef repeated */
		{ TRAFFIC_PAYLOAD_FIXED, true, { 0xab, 0xcd, 0, 0 } },
		{ TRAFFIC_PAYLOAD_INCREMENT_BYTE, false, { 0, 1, 2, 3 } },
		{ TRAFFIC_PAYLOAD_DECREMENT_BYTE, false, { 255, 254, 253, 252 } },
		{ TRAFFIC_PAYLOAD_INCREMENT_WORD, false, { 0, 0, 0, 1 } },
		{ TRAFFIC_PAYLOAD_DECREMENT_WORD, false, { 255, 255, 255, 254 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		static const uint8_t bytes[3] = { 0xab, 0xcd, 0xef };
		static const uint32_t at[4] = { 0, 1, 258, 515 };

		ip_udp(42 + 600);
		flow_of()->payload = kinds[i].kind;
		flow_of()->payload_once = kinds[i].once;
		flow_of()->payload_size = sizeof(bytes);
		flow_of()->payload_bytes = malloc(sizeof(bytes));
		memcpy(flow_of()->payload_bytes, bytes, sizeof(bytes));
		for (int j = 0; j < 4; j++)
			assert_int_equal(payload_at(at[j]), kinds[i].byte[j]);
	}
}

static void numbered_payload_is_checked(void **state)
{
	static uint8_t bytes[3000];

	(void)state;
	for (uint32_t i = 0; i < 3000; i++) {
		uint32_t length = i % 2000 + 1;
		uint64_t sequence = i < 300 ? i : template_hash(1, i);
		uint32_t piece = i % length;

		payload_number(bytes, length, sequence);
		for (uint32_t at = 0; at < length; at++)
			assert_int_equal(bytes[at], (sequence + length - 1 - at) & 0xff);
		assert_true(payload_check(bytes, length, length - 1, sequence));
		assert_true(payload_check(bytes + piece, length - piece, length - 1 - piece, sequence));
		assert_false(payload_check(bytes, length, length - 1, sequence + 1));
		bytes[piece] ^= 0x10;
		assert_false(payload_check(bytes, length, length - 1, sequence));
	}
	payload_number(bytes, 0, 5);
	assert_true(payload_check(bytes, 0, 0, 5));
}

/* ---- frames that come round ---- */

static struct template *four_fields(uint32_t size, uint64_t ports)
{
	flow_begin(size);
	flow_headers(HEADER_ETHERNET, HEADER_IPV4, HEADER_UDP, -1);
	flow_steps(1, "src", TRAFFIC_INCREMENT, 0x0a000001, 0x01010101, 12);
	flow_steps(1, "dst", TRAFFIC_DECREMENT, 0x0a0000ff, 1, 18);
	flow_steps(2, "src_port", TRAFFIC_INCREMENT, 1000, 7, 36);
	flow_steps(2, "dst_port", TRAFFIC_INCREMENT, 1, 1, ports);
	return flow_compile();
}

static void cycles_are_the_frames(void **state)
{
	static uint8_t again[FRAME_ROOM];
	struct template *template = four_fields(60, 8);
	const struct cycle *cycle = cycle_of(template);

	(void)state;
	assert_int_equal(cycle_make(template, 72 * 18 - 1), 0); /* bytes 24 to 41 change */
	assert_null(cycle->frames);
	assert_int_equal(cycle_make(template, 72 * 18), 72 * 18);
	assert_int_equal(cycle->count, 72);
	for (uint32_t i = 0; i < SOME_FRAMES; i++) {
		uint64_t n = some_number(i) >> 1;
		uint32_t length;
		const uint8_t *frame;

		if (i == 0)
			template_build(template, again, 60, 5, 0, true);
		frame = flow_frame(template, n, &length);
		cycle_write(cycle, again, (uint32_t)(n % 72));
		assert_memory_equal(again, frame, length - SIGNATURE_SIZE);
	}
}

/* One buffer for all of them: what an earlier frame left in it must not show. `bytes`: of one frame in the cycle. */
static void check_sizes(enum traffic_payload payload, uint32_t sizes, uint32_t numbers, uint32_t bytes)
{
	static uint8_t again[FRAME_ROOM];
	struct template *template;
	const struct cycle *cycle;
	size_t all = (size_t)sizes * numbers * bytes;

	flow_of()->payload = payload;
	template = flow_compile();
	cycle = cycle_of(template);
	assert_int_equal(cycle_make(template, all - 1), 0);
	assert_null(cycle->frames);
	assert_int_equal(cycle->sizes, 0);
	assert_int_equal(cycle_make(template, all), all);
	assert_int_equal(cycle->sizes, sizes);
	template_build(template, again, template_size(template, 5), 5, 5, true);
	for (uint32_t i = 0; i < SOME_FRAMES; i++) {
		uint64_t n = some_number(i) >> 1;
		const struct cycle_size *size;
		const uint8_t *frame;
		uint32_t length, checked;
		uint8_t which;

		cycle_choose(template, n, 1, 1, &which);
		assert_in_range(which, 0, sizes - 1);
		size = &cycle->size[which];
		frame = flow_frame(template, n, &length);
		checked = length - template_signatures(template, size->size) * SIGNATURE_SIZE;
		assert_int_equal(size->size, template_size(template, n));
		assert_int_equal(size->padded, length);
		cycle_write(cycle, again, size->first + (uint32_t)(n & cycle->mask));
		cycle_fill(cycle, again, size, n);
		assert_memory_equal(again, frame, checked);
		memcpy(again, frame, length);
	}
}

static void sizes_that_come_round(void **state)
{
	static const struct traffic_weight imix[] = { { 61, 7 }, { 566, 4 }, { 1514, 1 }, { 44, 2 } };
	struct traffic_size *size;

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		enum traffic_payload payload = i == 0 ? TRAFFIC_PAYLOAD_NUMBERED : TRAFFIC_PAYLOAD_INCREMENT_BYTE;
		uint32_t numbers = i == 0 ? 256 : 1;

		ip_udp(60);
		size = range(TRAFFIC_SIZE_WEIGHTS, 0, 0, 0);
		size->weight_count = 4;
		size->weight = malloc(sizeof(imix));
		memcpy(size->weight, imix, sizeof(imix));
		check_sizes(payload, 4, numbers, 26); /* from IP's length to UDP's checksum */
		ip_udp(60);
		range(TRAFFIC_SIZE_INCREMENT, 50, 1500, 200);
		check_sizes(payload, 8, numbers, 26);
		ip_udp(60);
		range(TRAFFIC_SIZE_RANDOM, 55, 62, 0);
		check_sizes(payload, 8, numbers, 26);
	}
	ip_udp(1000);
	check_sizes(TRAFFIC_PAYLOAD_NUMBERED, 1, 256, 16); /* UDP's checksum */
	ip_udp(60);
	range(TRAFFIC_SIZE_RANDOM, 55, 63, 0);
	assert_int_equal(cycle_make(flow_compile(), SIZE_MAX), 0);
}

/* A payload that is numbered changes the sums, and a field at random never comes round. */
static void what_does_not_come_round(void **state)
{
	(void)state;
	four_fields(70, 8);
	flow_of()->payload = TRAFFIC_PAYLOAD_NUMBERED;
	assert_int_equal(cycle_make(flow_compile(), SIZE_MAX), 0);
	assert_int_equal(cycle_make(four_fields(60, 65535), 1 << 20), 0);
	four_fields(60, 8);
	flow_field(1, "src")->pattern = TRAFFIC_RANDOM;
	flow_field(1, "src")->count = 0;
	flow_field(1, "src")->max = 0xffffffff;
	assert_int_equal(cycle_make(flow_compile(), SIZE_MAX), 0);
	flow_begin(60);
	flow_headers(HEADER_ETHERNET, HEADER_IPV4, HEADER_UDP, -1);
	assert_int_equal(cycle_make(flow_compile(), SIZE_MAX), 0);
}

/* ---- refusals ---- */

static void what_cannot_be_sent_is_refused(void **state)
{
	struct traffic_header *part;

	(void)state;
	flow_begin(60);
	assert_string_equal(flow_refused(), "packet: has no header");
	ip_udp(41);
	assert_string_equal(flow_refused(), "size: 41 bytes (45 with FCS) are less than the headers' 42");
	ip_udp(9015);
	assert_string_equal(flow_refused(), "size: 9015 bytes (9019 with FCS) are more than the MTU 9000 and 14 of "
					    "link headers");
	flow_begin(9019);
	flow_headers(HEADER_ETHERNET, HEADER_VLAN, HEADER_VLAN, -1);
	assert_string_equal(flow_refused(), "size: 9019 bytes (9023 with FCS) are more than the MTU 9000 and 18 of "
					    "link headers");
	flow_of()->size.min = 9018;
	assert_int_equal(template_size_max(flow_compile()), 9018);
	flow_value(0, "ether_type", 0x88a8);
	assert_string_equal(flow_refused(), "size: 9018 bytes (9022 with FCS) are more than the MTU 9000 and 14 of "
					    "link headers");
	range(TRAFFIC_SIZE_INCREMENT, 64, 128, 0);
	assert_string_equal(flow_refused(), "size.increment.step: is 0; give at least 1");
	range(TRAFFIC_SIZE_RANDOM, 128, 64, 0);
	assert_string_equal(flow_refused(), "size: ends at 64, below its start 128");
	range(TRAFFIC_SIZE_WEIGHTS, 0, 0, 0);
	assert_string_equal(flow_refused(), "size.weight_pairs: has no pair");
	ip_udp(60);
	flow_value(2, "src_port", 65536);
	assert_string_equal(flow_refused(), "packet[2].udp.src_port: 65536 is more than the field's 16 bits hold");
	flow_steps(2, "src_port", TRAFFIC_INCREMENT, 65000, 1, 537);
	assert_string_equal(flow_refused(), "packet[2].udp.src_port: 536 steps from the start pass the field's largest "
					    "value; lower count, step or start");
	flow_steps(2, "src_port", TRAFFIC_DECREMENT, 9, 5, 3);
	assert_string_equal(flow_refused(), "packet[2].udp.src_port: 2 steps from the start pass 0; lower count, step "
					    "or start");
	flow_steps(2, "src_port", TRAFFIC_BAD, 0, 0, 0);
	assert_string_equal(flow_refused(), "packet[2].udp.src_port: is no checksum");
	flow_value(2, "src_port", 1);
	flow_steps(2, "checksum", TRAFFIC_INCREMENT, 0, 1, 3);
	assert_string_equal(flow_refused(), "packet[2].udp.checksum: a checksum is `generated`, or one `custom` value");
	ip_udp(60);
	flow_value(1, "priority.raw", 1);
	flow_value(1, "priority.dscp.ecn", 1);
	assert_string_equal(flow_refused(), "packet[1].ipv4.priority.dscp.ecn: is set beside another alternative");
	ip_udp(90);
	part = flow_part(1, HEADER_IPV4_OPTION);
	part->byte_count = 39;
	part->bytes = calloc(1, 39);
	assert_string_equal(flow_refused(), "packet[1].ipv4.options: 41 bytes; a header has room for 40");
	part->byte_count = 1;
	part->field[1] = (struct traffic_field){ .pattern = TRAFFIC_VALUE, .start = 4 };
	flow_part(1, HEADER_IPV4_ROUTER_ALERT);
	assert_string_equal(flow_refused(), "packet[1].ipv4.options[0].custom.type.option_class: 4 is more than the "
					    "field's 2 bits hold");
	flow_begin(90);
	flow_headers(HEADER_ETHERNET, HEADER_IPV4, HEADER_GRE, -1);
	flow_value(2, "reserved1", 4);
	assert_string_equal(flow_refused(), "packet[2].gre.reserved1: is in the frame only where checksum_present is 1");
	flow_steps(2, "checksum_present", TRAFFIC_INCREMENT, 0, 1, 2);
	assert_string_equal(flow_refused(), "packet[2].gre.checksum_present: decides the header's size; give one value "
					    "for all frames");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_frame_as_the_texts_say, end),
		cmocka_unit_test_teardown(steps_of_fields_of_all_widths, end),
		cmocka_unit_test_teardown(steps_of_addresses_carry, end),
		cmocka_unit_test_teardown(values_one_after_the_other, end),
		cmocka_unit_test_teardown(random_values, end),
		cmocka_unit_test_teardown(remainders_without_division, end),
		cmocka_unit_test_teardown(sizes_are_those_of_the_flow, end),
		cmocka_unit_test_teardown(short_frames_go_out_as_they_are_if_wanted, end),
		cmocka_unit_test_teardown(payload_as_it_is_asked_for, end),
		cmocka_unit_test_teardown(numbered_payload_is_checked, end),
		cmocka_unit_test_teardown(cycles_are_the_frames, end),
		cmocka_unit_test_teardown(sizes_that_come_round, end),
		cmocka_unit_test_teardown(what_does_not_come_round, end),
		cmocka_unit_test_teardown(what_cannot_be_sent_is_refused, end),
	};

	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
