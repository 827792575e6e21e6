/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "driver/control/command.h"
#include "driver/control/state.h"
#include "driver/state/device.h"

static bool alike(const struct vn_wish *wish, uint8_t class, uint8_t command,
		  const void *data, uint32_t key)
{
	return wish->class == class && wish->command == command &&
	       wish->size >= key &&
	       (key == 0 || memcmp(wish->data, data, key) == 0);
}

struct vn_wish *vn_wish_make(uint8_t class, uint8_t command, const void *data,
			     uint32_t size)
{
	struct vn_wish *wish = malloc(sizeof(*wish) + size);

	if (!wish) {
		vn_error(ENOMEM, "no memory to remember a command of %u bytes",
			 size);
		return NULL;
	}
	wish->next = NULL;
	wish->class = class;
	wish->command = command;
	wish->size = size;
	if (size != 0)
		memcpy(wish->data, data, size);
	return wish;
}

void vn_wish_forget(struct vionet_device *device, uint8_t class, uint8_t command,
		    const void *data, uint32_t key)
{
	struct vn_wish **at = &device->wishes;

	while (*at) {
		struct vn_wish *wish = *at;

		if (alike(wish, class, command, data, key)) {
			*at = wish->next;
			free(wish);
		} else {
			at = &wish->next;
		}
	}
}

void vn_wish_keep(struct vionet_device *device, struct vn_wish *wish,
		  uint32_t key)
{
	struct vn_wish **at = &device->wishes;

	vn_wish_forget(device, wish->class, wish->command, wish->data, key);
	while (*at)
		at = &(*at)->next;
	*at = wish;
}

int vn_wish_send(struct vionet_device *device, struct vn_wish *wish,
		 uint32_t key, const char *name)
{
	struct vn_command command;
	int result;

	if (!wish)
		return -ENOMEM;
	command = (struct vn_command){
		.class = wish->class,
		.command = wish->command,
		.name = name,
		.data = wish->data,
		.size = wish->size,
	};
	result = vn_control_command(device, &command);
	if (result == 0)
		vn_wish_keep(device, wish, key);
	else
		free(wish);
	return result;
}

const struct vn_wish *vn_wish_find(const struct vionet_device *device,
				   uint8_t class, uint8_t command,
				   const void *data, uint32_t key)
{
	const struct vn_wish *found = NULL;

	for (const struct vn_wish *w = device->wishes; w; w = w->next)
		if (alike(w, class, command, data, key))
			found = w;
	return found;
}

static bool names_queues(const struct vn_wish *wish)
{
	return wish->class == CTRL_MQ || wish->class == CTRL_RSS_CONTEXT ||
	       (wish->class == CTRL_NOTF_COAL &&
		wish->command == CTRL_NOTF_COAL_VQ_SET);
}

void vn_wish_forget_queues(struct vionet_device *device)
{
	struct vn_wish **at = &device->wishes;

	while (*at) {
		struct vn_wish *wish = *at;

		if (names_queues(wish)) {
			*at = wish->next;
			free(wish);
		} else {
			at = &wish->next;
		}
	}
}

void vn_wish_free(struct vionet_device *device)
{
	while (device->wishes) {
		struct vn_wish *wish = device->wishes;

		device->wishes = wish->next;
		free(wish);
	}
}
