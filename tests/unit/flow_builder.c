/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/flow_builder.h"

#include <errno.h>

#include "tools/pktgen/packet/signature.h"

static struct traffic traffic;
static struct template *compiled[8];
static unsigned int compiled_count;
static struct traffic_error error;
static uint8_t buffer[FRAME_ROOM];

static const struct template_place place = { .mac = { 2, 0, 0, 0, 0, 1 }, .gateway_mac = { 2, 0, 0, 0, 0, 2 }, .mtu = 9000 };

struct traffic_flow *flow_begin(uint32_t size)
{
	flow_end();
	traffic.flow = calloc(1, sizeof(*traffic.flow));
	traffic.flows = 1;
	traffic.flow->size.min = size;
	traffic.flow->track = true;
	return traffic.flow;
}

struct traffic_flow *flow_of(void)
{
	return traffic.flow;
}

void flow_end(void)
{
	while (compiled_count > 0)
		template_free(compiled[--compiled_count]);
	traffic_free(&traffic);
}

void flow_headers(int kind, ...)
{
	va_list kinds;

	va_start(kinds, kind);
	for (; kind >= 0; kind = va_arg(kinds, int))
		assert_non_null(traffic_header_add(&traffic.flow->header, &traffic.flow->headers, kind,
						   header_type(kind)->fields));
	va_end(kinds);
}

struct traffic_header *flow_part(size_t header, enum header_kind kind)
{
	struct traffic_header *of = &traffic.flow->header[header];

	return traffic_header_add(&of->part, &of->parts, kind, header_type(kind)->fields);
}

struct traffic_field *part_field(struct traffic_header *part, const char *name)
{
	int field = header_field_find(part->kind, name);

	assert_true(field >= 0);
	return &part->field[field];
}

struct traffic_field *flow_field(size_t header, const char *name)
{
	assert_true(header < traffic.flow->headers);
	return part_field(&traffic.flow->header[header], name);
}

void flow_value(size_t header, const char *name, traffic_value value)
{
	*flow_field(header, name) = (struct traffic_field){ .pattern = TRAFFIC_VALUE, .start = value };
}

void flow_steps(size_t header, const char *name, enum traffic_pattern pattern, traffic_value start, traffic_value step,
		uint64_t count)
{
	*flow_field(header, name) = (struct traffic_field){ .pattern = pattern, .start = start, .step = step, .count = count };
}

void flow_bytes(size_t header, const void *bytes, size_t count)
{
	struct traffic_header *of = &traffic.flow->header[header];

	of->bytes = malloc(count);
	memcpy(of->bytes, bytes, count);
	of->byte_count = count;
}

struct template *flow_compile(void)
{
	struct template *template;

	if (compiled_count == sizeof(compiled) / sizeof(compiled[0]))
		template_free(compiled[--compiled_count]);
	if (template_compile(traffic.flow, &place, &template, &error) != 0)
		fail_msg("refused: %s", error.text);
	compiled[compiled_count++] = template;
	return template;
}

const char *flow_refused(void)
{
	struct template *template;

	assert_int_equal(template_compile(traffic.flow, &place, &template, &error), -EINVAL);
	assert_null(template);
	assert_memory_equal(error.text, error.path, strlen(error.path));
	return error.text;
}

const uint8_t *flow_frame(struct template *template, uint64_t n, uint32_t *length)
{
	uint32_t size = template_size(template, n);

	memset(buffer, 0xa5, sizeof(buffer));
	*length = template_build(template, buffer, size, n, n, true);
	for (uint32_t i = 0; i < template_signatures(template, size); i++)
		signature_write(buffer + template_signature_at(template, size, i), 7, n + i, 1000 + n);
	assert_int_equal(buffer[*length], 0xa5);
	return buffer;
}

traffic_value bits_at(const uint8_t *bytes, uint32_t at, uint32_t bits)
{
	traffic_value value = 0;

	for (; bits > 0; bits--, at++)
		value = value * 2 + (bytes[at / 8] >> (7 - at % 8)) % 2;
	return value;
}

uint16_t ones_sum(uint16_t sum, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i += 2) {
		uint32_t word = bytes[i] * 256u + (i + 1 < count ? bytes[i + 1] : 0) + sum;

		sum = (uint16_t)(word % 65536 + word / 65536);
	}
	return sum;
}

uint16_t transport_sum(const uint8_t *ip, const uint8_t *transport, uint32_t length, uint8_t protocol)
{
	uint8_t rest[6] = { length >> 24, length >> 16, length >> 8, length, 0, protocol };
	uint16_t sum = ip[0] >> 4 == 4 ? ones_sum(0, ip + 12, 8) : ones_sum(0, ip + 8, 32);

	sum = ones_sum(sum, rest, sizeof(rest));
	return ones_sum(sum, transport, length);
}
