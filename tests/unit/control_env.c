/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/control_env.h"

uint64_t control_env_layout;
struct vionet_features control_env_want;
uint32_t control_env_tx_buffer;

struct control_env *control_env_create(unsigned int pairs)
{
	struct control_env *env = calloc(1, sizeof(*env));

	model_create(&env->model);
	env->model->offered[0] |= control_env_layout;
	env->c = model_control_create(env->model, pairs);
	return env;
}

void control_env_start(struct control_env *env, unsigned int start, unsigned int timeout_ms)
{
	struct vionet_open_options open = { .struct_size = sizeof(open),
					    .control_timeout_ms = timeout_ms };
	struct vionet_start_options options = {
		.struct_size = sizeof(options),
		.queue_pairs = start,
		.rx_queue_size = 16,
		.tx_queue_size = 16,
		.tx_pool_options = &(struct vionet_pool_options){
			.struct_size = sizeof(struct vionet_pool_options),
			.buffer_size = control_env_tx_buffer },
	};

	/* CTRL_RX, CTRL_VLAN, CTRL_RX_EXTRA, HASH_REPORT. */
	open.want = control_env_want;
	open.want.word[0] |= 1ull << 18 | 1ull << 19 | 1ull << 20 | 1ull << 57;
	if (open_model(env->model, &open, &env->device))
		fail_msg("open: %s", vionet_error_text());
	if (vionet_device_start(env->device, &options))
		fail_msg("start: %s", vionet_error_text());
}

void withhold(struct control_env *env, unsigned int bit)
{
	env->model->offered[bit / 64] &= ~(1ull << (bit % 64));
}

void control_env_destroy(struct control_env *env)
{
	assert_int_equal(env->model->faults, 0);
	if (env->model->rings.violations != 0)
		fail_msg("ring: %s", env->model->rings.violation);
	if (env->c->violations != 0)
		fail_msg("%u rules broken, the last: %s", env->c->violations,
			 env->c->violation);
	vionet_device_close(env->device);
	assert_null(env->model);
	model_control_free(env->c);
	free(env);
}

void assert_command(const struct control_env *env, const char *hex)
{
	char text[2 * 64 + 1] = "";

	assert_true(env->c->last_length <= 64);
	for (size_t i = 0; i < env->c->last_length; i++)
		sprintf(text + 2 * i, "%02x", env->c->last[i]);
	assert_string_equal(text, hex);
}
