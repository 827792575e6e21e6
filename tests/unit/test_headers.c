/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of packet headers (tools/pktgen/packet/header_table.c) and the model of flows
 * (tools/pktgen/model/traffic.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/pktgen/model/traffic.h"
#include "tools/pktgen/packet/header_table.h"

/* Every field lies inside its header, and in its optional part if it says so. */
static void fields_lie_in_their_header(void **state)
{
	(void)state;
	for (int kind = 0; kind < HEADER_KINDS; kind++) {
		const struct header_type *type = header_type(kind);

		assert_non_null(type->name);
		for (uint32_t i = 0; i < type->fields; i++) {
			const struct field_type *field = &type->field[i];
			uint32_t end = (field->offset + field->bits) / 8;

			assert_int_equal(header_field_find(kind, field->name), i);
			assert_true(field->bits == 128 || field->preset >> (field->bits - 1) <= 1);
			if (field->offset == FIELD_NOT_SENT)
				continue;
			assert_int_equal(field->offset >= type->size * 8, field->optional);
			assert_true(end <= type->size + type->optional);
			if (field->format == FIELD_CHECKSUM)
				assert_true(field->computed && field->bits == 16 && field->offset % 16 == 0);
		}
	}
}

/* Two fields share bits only below an object that has alternatives. */
static void fields_do_not_overlap(void **state)
{
	(void)state;
	for (int kind = 0; kind < HEADER_KINDS; kind++) {
		const struct header_type *type = header_type(kind);

		for (uint32_t i = 0; i < type->fields; i++)
			for (uint32_t j = 0; j < i; j++) {
				const struct field_type *a = &type->field[i];
				const struct field_type *b = &type->field[j];

				if (a->offset + a->bits <= b->offset || b->offset + b->bits <= a->offset)
					continue;
				assert_int_equal(kind, HEADER_IPV4);
				assert_memory_equal(a->name, "priority.", 9);
				assert_memory_equal(b->name, "priority.", 9);
			}
	}
}

static void names_are_found(void **state)
{
	(void)state;
	assert_int_equal(header_kind_find("ipv6_extension_header", 21), HEADER_IPV6_EXTENSION_HEADER);
	assert_int_equal(header_kind_find("ipv6_extension_header", 4), HEADER_IPV6);
	assert_int_equal(header_kind_find("gtpv2", 5), -1);
	assert_int_equal(header_kind_find("router_alert", 12), -1);
	assert_int_equal(header_part_find(HEADER_IPV4, "options", "custom"), HEADER_IPV4_OPTION);
	assert_int_equal(header_part_find(HEADER_IPV6_EXTENSION_HEADER, "routing.segment_routing.segment_list", ""),
			 HEADER_SEGMENT);
	assert_int_equal(header_part_find(HEADER_TCP, "options", "custom"), -1);
	assert_int_equal(header_field_find(HEADER_TCP, "urgent"), -1);
}

static struct traffic_field *tagged(struct traffic_flow *flow, uint64_t count)
{
	struct traffic_header *udp = traffic_header_add(&flow->header, &flow->headers, HEADER_UDP, 4);

	udp->field[0] = (struct traffic_field){ .pattern = TRAFFIC_INCREMENT, .count = count, .step = 1, .tagged = true };
	return udp->field;
}

static void streams_are_the_common_multiple(void **state)
{
	struct traffic traffic = { .flow = calloc(1, sizeof(struct traffic_flow)), .flows = 1 };
	struct traffic_flow *flow = traffic.flow;

	(void)state;
	assert_int_equal(traffic_flow_streams(flow), 1);
	tagged(flow, 6);
	assert_int_equal(traffic_flow_streams(flow), 6);
	tagged(flow, 10);
	assert_int_equal(traffic_flow_streams(flow), 30);
	tagged(flow, 0)[1] = (struct traffic_field){ .pattern = TRAFFIC_VALUES,
						     .values = calloc(7, sizeof(traffic_value)),
						     .value_count = 7,
						     .tagged = true,
						     .tag = strdup("x") };
	assert_int_equal(traffic_flow_streams(flow), 210);
	tagged(flow, 65537);
	tagged(flow, 65539);
	assert_int_equal(traffic_flow_streams(flow), 0);
	tagged(flow, UINT64_MAX);
	assert_int_equal(traffic_flow_streams(flow), 0);
	/* Random without a count does not repeat. */
	flow->headers--;
	free(flow->header[flow->headers].field);
	flow->header[0].field[0].pattern = TRAFFIC_RANDOM;
	flow->header[0].field[0].count = 0;
	assert_int_equal(traffic_flow_streams(flow), 0);
	traffic_free(&traffic);
	assert_null(traffic.flow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_lie_in_their_header),
		cmocka_unit_test(fields_do_not_overlap),
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(streams_are_the_common_multiple),
	};

	return cmocka_run_group_tests_name("headers", tests, NULL, NULL);
}
