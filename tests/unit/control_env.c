/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "tests/unit/control_env.h"

uint64_t rig_layout;
struct vionet_features rig_want;
uint32_t rig_tx_buffer;

struct rig *raise_rig(unsigned int pairs)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	model_create(&rig->model);
	rig->model->offered[0] |= rig_layout;
	rig->c = model_control_create(rig->model, pairs);
	return rig;
}

void start_rig(struct rig *rig, unsigned int start, unsigned int timeout_ms)
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
			.buffer_size = rig_tx_buffer },
	};

	/* CTRL_RX, CTRL_VLAN, CTRL_RX_EXTRA, HASH_REPORT. */
	open.want = rig_want;
	open.want.word[0] |= 1ull << 18 | 1ull << 19 | 1ull << 20 | 1ull << 57;
	if (open_model(rig->model, &open, &rig->device))
		fail_msg("open: %s", vionet_error_text());
	if (vionet_device_start(rig->device, &options))
		fail_msg("start: %s", vionet_error_text());
}

void withhold(struct rig *rig, unsigned int bit)
{
	rig->model->offered[bit / 64] &= ~(1ull << (bit % 64));
}

void drop_rig(struct rig *rig)
{
	assert_int_equal(rig->model->faults, 0);
	if (rig->model->rings.violations != 0)
		fail_msg("ring: %s", rig->model->rings.violation);
	if (rig->c->violations != 0)
		fail_msg("%u rules broken, the last: %s", rig->c->violations,
			 rig->c->violation);
	vionet_device_close(rig->device);
	assert_null(rig->model);
	model_control_free(rig->c);
	free(rig);
}
