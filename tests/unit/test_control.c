/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a device can be told through its control queue, against the model: every
 * command arrives as the specification has it, none is sent that must not be, and
 * what was told is told again after a reset. Devices that misbehave are in
 * test_control_hostile.c, several queues in test_steering.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/control_env.h"

/* proves: NET-01 CVQ-01 */
static void the_control_queue_follows_the_pairs(void **state)
{
	/* MQ or RSS negotiated, not merely offered. */
	static const struct {
		unsigned int pairs, without[2], index;
	} rows[] = {
		{ 1, { 0 }, 2 }, { 4, { 0 }, 8 }, { 4, { 22 }, 8 },
		{ 4, { 60 }, 8 }, { 128, { 0 }, 256 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct control_env *env = control_env_create(rows[i].pairs);
		struct vionet_queue_info info = { .struct_size = sizeof(info) };

		for (unsigned int k = 0; k < 2; k++)
			if (rows[i].without[k] != 0)
				withhold(env, rows[i].without[k]);
		control_env_start(env, 1, 0);
		assert_int_equal(vionet_device_queue_info(env->device,
							  rows[i].index, &info),
				 0);
		assert_string_equal(info.role, "control");
		assert_true(info.size >= 4);
		assert_int_equal(env->model->queue[rows[i].index].enabled, 1);
		/* Class, command and data, then the ack alone. */
		assert_int_equal(vionet_filter_mode_set(
			env->device, VIONET_FILTER_PROMISC, true), 0);
		assert_command(env, "000001");
		assert_int_equal(env->c->writable_parts, 1);
		control_env_destroy(env);
	}
}

/* proves: NET-01 */
static void without_several_pairs_it_is_queue_two(void **state)
{
	struct control_env *env = control_env_create(4);
	struct vionet_queue_info info = { .struct_size = sizeof(info) };
	struct vionet_open_options open = { .struct_size = sizeof(open) };

	(void)state;
	/* Offered, and avoided: then N is 1, whatever max_virtqueue_pairs says. */
	open.avoid.word[0] = 1ull << 22 | 1ull << 60;
	open.want.word[0] = 1ull << 18;
	env->c->pairs = 1;
	assert_int_equal(open_model(env->model, &open, &env->device), 0);
	assert_int_equal(vionet_device_start(env->device, NULL), 0);
	assert_int_equal(vionet_device_queue_info(env->device, 2, &info), 0);
	assert_string_equal(info.role, "control");
	assert_int_equal(vionet_filter_mode_set(env->device,
						VIONET_FILTER_ALLMULTI, true), 0);
	assert_int_equal(env->c->mode[1], 1);
	control_env_destroy(env);
}

/* proves: CVQ-05 */
static void receive_modes(void **state)
{
	struct control_env *env = control_env_create(1);

	(void)state;
	control_env_start(env, 1, 0);
	for (unsigned int mode = 0; mode < 6; mode++) {
		assert_int_equal(vionet_filter_mode_set(
			env->device, (enum vionet_filter_mode)mode, true), 0);
		assert_int_equal(env->c->mode[mode], 1);
		assert_int_equal(vionet_filter_mode_set(
			env->device, (enum vionet_filter_mode)mode, false), 0);
		assert_int_equal(env->c->mode[mode], 0);
	}
	assert_int_equal(env->c->commands, 12);
	assert_int_equal(vionet_filter_mode_set(env->device,
						(enum vionet_filter_mode)6,
						true), -EINVAL);
	control_env_destroy(env);
}

/* proves: CVQ-07 CVQ-08 CVQ-09 CVQ-10 */
static void address_and_tables(void **state)
{
	static const uint8_t own[6] = { 0x02, 1, 2, 3, 4, 5 };
	static const uint8_t group[6] = { 0x01, 0, 0x5e, 0, 0, 1 };
	static const uint8_t none[6];
	static const uint8_t two[2][6] = { { 2, 0, 0, 0, 0, 1 }, { 4 } };
	static const uint8_t many[2][6] = { { 0x33, 0x33, 0, 0, 0, 1 }, { 1 } };
	struct control_env *env = control_env_create(1);
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	(void)state;
	control_env_start(env, 1, 0);
	assert_int_equal(vionet_mac_set(env->device, own), 0);
	assert_command(env, "0101020102030405");
	assert_int_equal(vionet_device_info(env->device, &info), 0);
	assert_memory_equal(info.mac, own, 6);
	assert_int_equal(vionet_mac_set(env->device, group), -EINVAL);
	assert_int_equal(vionet_mac_set(env->device, none), -EINVAL);

	assert_int_equal(vionet_filter_macs_set(env->device, two, 2, many, 1), 0);
	assert_command(env, "0100" "02000000" "020000000001" "040000000000"
		       "01000000" "333300000001");
	assert_int_equal(vionet_filter_macs_set(env->device, NULL, 0, NULL, 0), 0);
	assert_command(env, "0100" "00000000" "00000000");
	assert_int_equal(vionet_filter_macs_set(env->device, many, 1, NULL, 0),
			 -EINVAL);
	assert_int_equal(vionet_filter_macs_set(env->device, NULL, 0, two, 1),
			 -EINVAL);
	/* The device has room for 64 and refuses more; nothing has changed. */
	{
		static uint8_t hundred[100][6];

		assert_int_equal(vionet_filter_macs_set(
			env->device, (const uint8_t (*)[6])hundred, 100, NULL, 0),
			-EREMOTEIO);
		assert_text("the device refuses it");
	}
	assert_int_equal(env->c->violations, 0);
	control_env_destroy(env);
}

/* proves: CVQ-07 NET-04 */
static void a_device_without_address_is_given_one(void **state)
{
	struct control_env *env = control_env_create(1);
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	(void)state;
	withhold(env, 5);
	control_env_start(env, 1, 0);
	assert_int_equal(vionet_device_info(env->device, &info), 0);
	assert_false(info.mac_from_device);
	assert_int_equal(info.mac[0] & 3, 2);
	assert_memory_equal(env->c->mac, info.mac, 6);
	control_env_destroy(env);

	/* One that refuses is used all the same. */
	env = control_env_create(1);
	withhold(env, 5);
	env->c->refuse_class = 1;
	control_env_start(env, 1, 0);
	control_env_destroy(env);
}

/* proves: CVQ-11 CVQ-12 */
static void vlans(void **state)
{
	struct control_env *env = control_env_create(1);

	(void)state;
	control_env_start(env, 1, 0);
	assert_int_equal(vionet_filter_vlan_add(env->device, 0x123), 0);
	assert_command(env, "02002301");
	assert_int_equal(vionet_filter_vlan_add(env->device, 7), 0);
	assert_int_equal(vionet_filter_vlan_delete(env->device, 0x123), 0);
	assert_command(env, "02012301");
	assert_true(env->c->vlan[7]);
	assert_false(env->c->vlan[0x123]);
	assert_int_equal(vionet_filter_vlan_add(env->device, 4095), -EINVAL);
	control_env_destroy(env);
}

/* proves: CVQ-40 CVQ-41 CVQ-42 */
static void offloads(void **state)
{
	struct control_env *env = control_env_create(1);
	uint64_t on;

	(void)state;
	/* What tunnels need has to be there too. */
	control_env_want.word[0] = 1ull << 1 | 1ull << 7 | 1ull << 8 | 3ull << 54;
	control_env_want.word[1] = 1ull << 1;
	env->model->offered[0] |= control_env_want.word[0];
	env->model->offered[1] |= control_env_want.word[1];
	control_env_start(env, 1, 0);
	memset(&control_env_want, 0, sizeof(control_env_want));
	/* All start on, and tunnels have other bits than their features. */
	assert_int_equal(vionet_offloads_read(env->device, &on), 0);
	assert_true(on == (VIONET_OFFLOAD_CSUM | VIONET_OFFLOAD_TSO4 |
			   VIONET_OFFLOAD_TSO6 | VIONET_OFFLOAD_USO4 |
			   VIONET_OFFLOAD_USO6 | VIONET_OFFLOAD_UDP_TUNNEL));
	assert_int_equal(vionet_offloads_set(env->device,
					     VIONET_OFFLOAD_CSUM |
					     VIONET_OFFLOAD_UDP_TUNNEL), 0);
	assert_command(env, "0500" "0200000000400000");
	assert_int_equal(vionet_offloads_read(env->device, &on), 0);
	assert_true(on == (VIONET_OFFLOAD_CSUM | VIONET_OFFLOAD_UDP_TUNNEL));
	assert_int_equal(vionet_offloads_set(env->device, VIONET_OFFLOAD_UFO),
			 -ENOTSUP);
	assert_text("GUEST_UFO");
	assert_int_equal(vionet_offloads_set(env->device, 1ull << 65 % 64),
			 0); /* bit 1: CSUM */
	assert_int_equal(vionet_offloads_set(env->device, 1), -EINVAL); /* none */
	control_env_destroy(env);
}

/* proves: CVQ-43 CVQ-44 CVQ-45 CVQ-46 CVQ-47 */
static void coalescing(void **state)
{
	struct control_env *env = control_env_create(2);
	struct vionet_coalescing c = { sizeof(c), 16, 100, 0 },
		got = { .struct_size = sizeof(got) };
	struct vionet_queue *rx, *tx;

	(void)state;
	control_env_start(env, 2, 0);
	rx = vionet_device_rx_queue(env->device, 1);
	tx = vionet_device_tx_queue(env->device, 0);
	assert_int_equal(vionet_coalescing_set(env->device, true, &c), 0);
	assert_command(env, "0600" "10000000" "64000000");
	assert_int_equal(vionet_coalescing_set(env->device, false, &c), 0);
	assert_command(env, "0601" "10000000" "64000000");
	c.max_usecs = 7;
	assert_int_equal(vionet_queue_coalescing_set(rx, &c), 0);
	assert_command(env, "0602" "02000000" "10000000" "07000000");
	assert_int_equal(vionet_queue_coalescing_read(rx, &got), 0);
	assert_int_equal(got.max_packets, 16);
	assert_int_equal(got.max_usecs, 7);
	assert_int_equal(vionet_queue_coalescing_read(tx, &got), 0);
	assert_int_equal(got.max_usecs, 100);
	/* An answer that is an error gives nothing. */
	env->c->ack = 1;
	assert_int_equal(vionet_queue_coalescing_read(rx, &got), -EREMOTEIO);
	assert_int_equal(got.max_packets, 0);
	assert_int_equal(got.max_usecs, 0);
	env->c->ack = -1;
	/* After a reset the later of two settings still wins. */
	assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	assert_int_equal(env->c->coalescing[2].usecs, 7);
	assert_int_equal(env->c->coalescing[0].usecs, 100);
	c.max_usecs = 9;
	assert_int_equal(vionet_coalescing_set(env->device, false, &c), 0);
	assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	assert_int_equal(env->c->coalescing[2].usecs, 9);
	control_env_destroy(env);
}

/* No command without its feature: each function names what it would need, and the
 * device hears nothing. */
/* proves: CVQ-03 CVQ-04 CVQ-06 CVQ-26 CVQ-33 */
static void nothing_is_sent_without_its_feature(void **state)
{
	static const uint8_t own[6] = { 2 };
	static const struct {
		unsigned int bit;
		const char *name;
	} rows[] = {
		{ 18, "CTRL_RX" }, { 20, "CTRL_RX_EXTRA" }, { 23, "CTRL_MAC_ADDR" },
		{ 19, "CTRL_VLAN" }, { 2, "CTRL_GUEST_OFFLOADS" },
		{ 53, "NOTF_COAL" }, { 52, "VQ_NOTF_COAL" }, { 50, "DEVICE_STATS" },
		{ 57, "HASH_REPORT" }, { 51, "HASH_TUNNEL" }, { 60, "RSS" },
		{ 64, "RSS_CONTEXT" }, { 40, "RING_RESET" }, { 43, "SUSPEND" },
		{ 22, "MQ" },
	};
	struct vionet_stat s[VIONET_STATS_MAX];
	struct vionet_rss rss = { .struct_size = sizeof(rss) };
	struct vionet_coalescing c = { .struct_size = sizeof(c) };
	struct control_env *env = control_env_create(1);
	struct vionet_device *d;
	struct vionet_queue *q;
	unsigned int count;
	uint16_t contexts;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		withhold(env, rows[i].bit);
	control_env_start(env, 1, 0);
	d = env->device;
	q = vionet_device_rx_queue(d, 0);
#define REFUSED(call, name)                          \
	do {                                         \
		assert_int_equal(call, -ENOTSUP);    \
		assert_text(name ", which the device does not offer"); \
	} while (0)
	REFUSED(vionet_filter_mode_set(d, VIONET_FILTER_PROMISC, true), "CTRL_RX");
	REFUSED(vionet_filter_mode_set(d, VIONET_FILTER_ALLMULTI, true), "CTRL_RX");
	REFUSED(vionet_filter_mode_set(d, VIONET_FILTER_NOBCAST, true),
		"CTRL_RX_EXTRA");
	REFUSED(vionet_filter_macs_set(d, NULL, 0, NULL, 0), "CTRL_RX");
	REFUSED(vionet_mac_set(d, own), "CTRL_MAC_ADDR");
	REFUSED(vionet_filter_vlan_add(d, 1), "CTRL_VLAN");
	REFUSED(vionet_filter_vlan_delete(d, 1), "CTRL_VLAN");
	REFUSED(vionet_offloads_set(d, 0), "CTRL_GUEST_OFFLOADS");
	REFUSED(vionet_coalescing_set(d, false, &c), "NOTF_COAL");
	REFUSED(vionet_queue_coalescing_set(q, &c), "VQ_NOTF_COAL");
	REFUSED(vionet_queue_coalescing_read(q, &c), "VQ_NOTF_COAL");
	REFUSED(vionet_stats_read(d, 0, s, sizeof(*s),
					VIONET_STATS_MAX, &count), "DEVICE_STATS");
	REFUSED(vionet_hash_set(d, 0, NULL, 0), "HASH_REPORT");
	REFUSED(vionet_hash_tunnels_set(d, 0), "HASH_TUNNEL, and that RSS");
	REFUSED(vionet_rss_set(d, &rss), "RSS");
	REFUSED(vionet_rss_context_limit(d, &contexts), "RSS_CONTEXT, and that RSS");
	REFUSED(vionet_rss_context_add(d, 1, &rss), "RSS_CONTEXT, and that RSS");
	REFUSED(vionet_rss_context_modify(d, 1, &rss), "RSS_CONTEXT, and that RSS");
	REFUSED(vionet_rss_context_delete(d, 1), "RSS_CONTEXT, and that RSS");
	REFUSED(vionet_queue_pairs_set(d, 1), "MQ");
	REFUSED(vionet_queue_reset(q, NULL), "RING_RESET");
	REFUSED(vionet_device_suspend(d), "SUSPEND");
	assert_int_equal(env->c->commands, 0);
	control_env_destroy(env);
}

/* The address needs both features (CVQ-06, CVQ-10). */
/* proves: CVQ-06 CVQ-10 */
static void an_address_needs_two_features(void **state)
{
	static const uint8_t own[6] = { 2 };
	struct control_env *env = control_env_create(1);

	(void)state;
	withhold(env, 18);
	control_env_start(env, 1, 0);
	assert_int_equal(vionet_mac_set(env->device, own), -ENOTSUP);
	assert_text("CTRL_RX");
	assert_int_equal(env->c->commands, 0);
	control_env_destroy(env);
}

/* The remedy of a feature that the caller left out; there is none for one that is not offered. */
static void a_feature_has_to_be_wanted(void **state)
{
	struct vionet_open_options open = { .struct_size = sizeof(open) };
	struct control_env *env = control_env_create(1);

	(void)state;
	withhold(env, 20);
	assert_int_equal(open_model(env->model, &open, &env->device), 0);
	assert_int_equal(vionet_device_start(env->device, NULL), 0);
	assert_int_equal(vionet_filter_vlan_add(env->device, 1), -ENOTSUP);
	assert_text("needs the feature CTRL_VLAN, which has to be wanted");
	assert_int_equal(vionet_error_remedy(NULL), VIONET_REMEDY_WANT);
	assert_int_equal(vionet_filter_mode_set(env->device, VIONET_FILTER_NOBCAST, true), -ENOTSUP);
	assert_int_equal(vionet_error_remedy(NULL), VIONET_REMEDY_NONE);
	control_env_destroy(env);
}

static void an_avoided_feature_is_named_as_such(void **state)
{
	struct vionet_open_options open = { .struct_size = sizeof(open), .avoid.word[0] = 1ull << 19 };
	struct control_env *env = control_env_create(1);

	(void)state;
	assert_int_equal(open_model(env->model, &open, &env->device), 0);
	assert_int_equal(vionet_device_start(env->device, NULL), 0);
	assert_int_equal(vionet_filter_vlan_add(env->device, 1), -ENOTSUP);
	assert_text("CTRL_VLAN, which was avoided at open");
	control_env_destroy(env);
}

/* Neither in the memory that the device reads nor in the queue. */
static void a_command_that_is_too_long_is_refused(void **state)
{
	enum { MANY = 20000,
	       TOO_MANY = 100001 };
	struct control_env *env = control_env_create(1);
	uint8_t(*table)[6] = calloc(TOO_MANY, sizeof(*table));

	(void)state;
	for (unsigned int i = 0; i < TOO_MANY; i++)
		table[i][0] = 2;
	control_env_start(env, 1, 0);
	assert_int_equal(vionet_filter_macs_set(env->device, table, MANY, NULL, 0), -EMSGSIZE);
	assert_text("120008 bytes, at most");
	assert_int_equal(vionet_filter_macs_set(env->device, table, TOO_MANY, NULL, 0), -EMSGSIZE);
	assert_text("too many");
	assert_int_equal(env->c->commands, 0);
	free(table);
	control_env_destroy(env);
}

static void a_device_without_control_queue_works(void **state)
{
	struct control_env *env = control_env_create(1);
	uint64_t offloads_on;

	(void)state;
	withhold(env, 17);
	control_env_start(env, 1, 0);
	assert_int_equal(vionet_filter_mode_set(env->device,
						VIONET_FILTER_PROMISC, true),
			 -ENOTSUP);
	assert_int_equal(vionet_control_check(env->device), 0);
	assert_int_equal(vionet_offloads_read(env->device, &offloads_on), 0);
	assert_true(offloads_on == 0);
	assert_int_equal(env->model->queue[2].enabled, 0);
	control_env_destroy(env);
}

static void a_stopped_device_gets_no_command(void **state)
{
	struct vionet_rss rss = { .struct_size = sizeof(rss), .hash_types = 1 };
	struct control_env *env = control_env_create(1);

	(void)state;
	control_env_start(env, 1, 0);
	assert_int_equal(vionet_device_stop(env->device), 0);
	assert_int_equal(vionet_filter_vlan_add(env->device, 1), -ENETDOWN);
	assert_text("not started");
	assert_int_equal(vionet_queue_pairs_set(env->device, 1), -ENETDOWN);
	assert_int_equal(vionet_rss_set(env->device, &rss), -ENETDOWN);
	assert_text("RSS: the device is not started");
	control_env_destroy(env);
}

/* What it was told is told again at the next start: not what it refused, nor what
 * was withdrawn. */
static void a_stopped_device_gets_its_state_at_start(void **state)
{
	static const uint8_t own[6] = { 0x02, 9, 9, 9, 9, 9 };
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct control_env *env = control_env_create(1);

	(void)state;
	control_env_start(env, 1, 0);
	assert_int_equal(vionet_mac_set(env->device, own), 0);
	assert_int_equal(vionet_filter_vlan_add(env->device, 5), 0);
	assert_int_equal(vionet_filter_vlan_add(env->device, 6), 0);
	assert_int_equal(vionet_filter_vlan_delete(env->device, 5), 0);
	assert_int_equal(vionet_filter_mode_set(env->device,
						VIONET_FILTER_ALLMULTI, true), 0);
	env->c->ack = 1;
	assert_int_equal(vionet_filter_mode_set(env->device,
						VIONET_FILTER_PROMISC, true),
			 -EREMOTEIO);
	env->c->ack = -1;
	assert_int_equal(vionet_device_stop(env->device), 0);
	env->c->mode[0] = 0;
	assert_int_equal(vionet_device_start(env->device, NULL), 0);
	assert_memory_equal(env->c->mac, own, 6);
	assert_int_equal(vionet_device_info(env->device, &info), 0);
	assert_memory_equal(info.mac, own, 6);
	assert_true(env->c->vlan[6]);
	assert_false(env->c->vlan[5]);
	assert_int_equal(env->c->mode[1], 1);
	assert_int_equal(env->c->mode[0], 0);
	control_env_destroy(env);
}

/* proves: CVQ-13 CVQ-14 CVQ-15 */
static void announcements(void **state)
{
	static const uint8_t mac[6] = { 0x52, 0x54, 0x00, 0xaa, 0xbb, 0xcc };
	uint8_t frame[VIONET_ANNOUNCEMENT_SIZE];
	struct control_env *env = control_env_create(1);
	uint32_t events;

	(void)state;
	control_env_start(env, 1, 0);
	env->model->net_config[6] |= 2;
	model_interrupt(env->model, -1);
	assert_int_equal(vionet_device_events(env->device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_ANNOUNCE);
	assert_int_equal(env->c->announce_acks, 1);
	assert_command(env, "0300");
	assert_int_equal(vionet_announcement_write(env->device, frame), 0);
	assert_memory_equal(frame + 6, mac, 6);
	assert_int_equal(frame[0], 0xff);
	assert_int_equal(frame[12] << 8 | frame[13], 0x8035);
	env->model->net_config[6] &= (uint8_t)~2;
	model_interrupt(env->model, -1);
	assert_int_equal(vionet_device_events(env->device, &events), 0);
	assert_int_equal(events, 0);
	assert_int_equal(env->c->announce_acks, 1);
	/* The answer that was not waited for is no obstacle. */
	assert_int_equal(vionet_filter_vlan_add(env->device, 1), 0);
	control_env_destroy(env);
}

/* The longest command has four parts. */
static void too_small_a_control_queue_is_refused(void **state)
{
	struct control_env *env = control_env_create(1);
	struct vionet_open_options open = { .struct_size = sizeof(open) };
	uint64_t types;

	(void)state;
	env->model->queue_max = 2;
	assert_int_equal(open_model(env->model, &open, &env->device), 0);
	assert_int_equal(vionet_device_start(env->device, NULL), -EIO);
	assert_text("control queue");
	assert_text("CTRL_VQ");
	env->model->queue_max = 4;
	if (vionet_device_start(env->device, NULL))
		fail_msg("%s", vionet_error_text());
	assert_int_equal(vionet_stats_types(env->device, &types), 0);
	control_env_destroy(env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_control_queue_follows_the_pairs),
		cmocka_unit_test(without_several_pairs_it_is_queue_two),
		cmocka_unit_test(receive_modes),
		cmocka_unit_test(address_and_tables),
		cmocka_unit_test(a_device_without_address_is_given_one),
		cmocka_unit_test(vlans),
		cmocka_unit_test(offloads),
		cmocka_unit_test(coalescing),
		cmocka_unit_test(nothing_is_sent_without_its_feature),
		cmocka_unit_test(an_address_needs_two_features),
		cmocka_unit_test(a_feature_has_to_be_wanted),
		cmocka_unit_test(an_avoided_feature_is_named_as_such),
		cmocka_unit_test(a_command_that_is_too_long_is_refused),
		cmocka_unit_test(a_device_without_control_queue_works),
		cmocka_unit_test(a_stopped_device_gets_no_command),
		cmocka_unit_test(a_stopped_device_gets_its_state_at_start),
		cmocka_unit_test(announcements),
		cmocka_unit_test(too_small_a_control_queue_is_refused),
	};

	return run_split_and_packed(tests);
}
