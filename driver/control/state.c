/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "driver/control/command.h"
#include "driver/control/state.h"
#include "driver/state/device.h"

static bool state_alike(const struct vn_ctrl_state *saved, uint8_t class,
			uint8_t command, const void *data, uint32_t key)
{
	return saved->class == class && saved->command == command &&
	       saved->size >= key &&
	       (key == 0 || memcmp(saved->data, data, key) == 0);
}

struct vn_ctrl_state *vn_ctrl_state_make(uint8_t class, uint8_t command, const void *data,
			     uint32_t size)
{
	struct vn_ctrl_state *saved = malloc(sizeof(*saved) + size);

	if (!saved) {
		vn_error(ENOMEM, "no memory to remember a command of %u bytes",
			 size);
		return NULL;
	}
	saved->next = NULL;
	saved->class = class;
	saved->command = command;
	saved->size = size;
	if (size != 0)
		memcpy(saved->data, data, size);
	return saved;
}

void vn_ctrl_state_forget(struct vionet_device *device, uint8_t class, uint8_t command,
		    const void *data, uint32_t key)
{
	struct vn_ctrl_state **at = &device->ctrl_state;

	while (*at) {
		struct vn_ctrl_state *saved = *at;

		if (state_alike(saved, class, command, data, key)) {
			*at = saved->next;
			free(saved);
		} else {
			at = &saved->next;
		}
	}
}

void vn_ctrl_state_save(struct vionet_device *device, struct vn_ctrl_state *saved,
		  uint32_t key)
{
	struct vn_ctrl_state **at = &device->ctrl_state;

	vn_ctrl_state_forget(device, saved->class, saved->command, saved->data, key);
	while (*at)
		at = &(*at)->next;
	*at = saved;
}

int vn_ctrl_state_send(struct vionet_device *device, struct vn_ctrl_state *saved,
		 uint32_t key, const char *name)
{
	struct vn_command command;
	int result;

	if (!saved)
		return -ENOMEM;
	command = (struct vn_command){
		.class = saved->class,
		.command = saved->command,
		.name = name,
		.data = saved->data,
		.size = saved->size,
	};
	result = vn_control_command(device, &command);
	if (result == 0)
		vn_ctrl_state_save(device, saved, key);
	else
		free(saved);
	return result;
}

const struct vn_ctrl_state *vn_ctrl_state_find(const struct vionet_device *device,
				   uint8_t class, uint8_t command,
				   const void *data, uint32_t key)
{
	const struct vn_ctrl_state *found = NULL;

	for (const struct vn_ctrl_state *w = device->ctrl_state; w; w = w->next)
		if (state_alike(w, class, command, data, key))
			found = w;
	return found;
}

static bool state_names_queues(const struct vn_ctrl_state *saved)
{
	return saved->class == CTRL_MQ || saved->class == CTRL_RSS_CONTEXT ||
	       (saved->class == CTRL_NOTF_COAL &&
		saved->command == CTRL_NOTF_COAL_VQ_SET);
}

void vn_ctrl_state_forget_queues(struct vionet_device *device)
{
	struct vn_ctrl_state **at = &device->ctrl_state;

	while (*at) {
		struct vn_ctrl_state *saved = *at;

		if (state_names_queues(saved)) {
			*at = saved->next;
			free(saved);
		} else {
			at = &saved->next;
		}
	}
}

void vn_ctrl_state_free(struct vionet_device *device)
{
	while (device->ctrl_state) {
		struct vn_ctrl_state *saved = device->ctrl_state;

		device->ctrl_state = saved->next;
		free(saved);
	}
}
