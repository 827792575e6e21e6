/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vionet/error.h>

#include "base/error.h"
#include "pci/vfio_user/migration.h"
#include "pci/vfio_user/spec.h"

/* A refusal is told from all that has ended the connection. */
static int vfu_call_state(struct vn_vfu_socket *s, struct vn_vfu_message *message)
{
	int result = vn_vfu_call(s, message);

	return message->refused != 0 ? -EREMOTEIO : result;
}

int vn_vfu_migration_supported(struct vn_vfu_socket *s)
{
	struct vfu_device_feature question = {
		.argsz = sizeof(question) + sizeof(uint64_t),
		.flags = VU_FEATURE_GET | VU_FEATURE_MIGRATION,
	};
	struct vfu_device_feature head;
	uint64_t flags = 0;
	struct vn_vfu_message message = {
		.command = VU_DEVICE_FEATURE,
		.what = "find out whether it migrates",
		.request = { { &question, sizeof(question) } },
		.reply = { { &head, sizeof(head) }, { &flags, sizeof(flags) } },
	};
	int result = vn_vfu_call(s, &message);

	if (message.refused == 0 && result != 0)
		return result;
	if (message.refused == 0 && message.reply_size == sizeof(head) + sizeof(flags) &&
	    (flags & VU_MIGRATION_STOP_COPY) != 0)
		return 0;
	return vn_error(ENOTSUP, "%s: the server does not migrate its function", s->name);
}

int vn_vfu_state_set(struct vn_vfu_socket *s, enum vn_function_state state)
{
	static const char *const steps[] = {
		[VN_STATE_STOP] = "stop",
		[VN_STATE_RUNNING] = "run",
		[VN_STATE_STOP_COPY] = "stop, and save the state",
		[VN_STATE_RESUMING] = "take a state",
	};
	struct {
		struct vfu_device_feature head;
		struct vfu_mig_state state;
	} set = {
		.head = { .argsz = sizeof(set),
			  .flags = VU_FEATURE_SET | VU_FEATURE_MIG_DEVICE_STATE },
		.state = { .device_state = state },
	},
	  reply;
	struct vn_vfu_message message = {
		.command = VU_DEVICE_FEATURE,
		.what = steps[state],
		.request = { { &set, sizeof(set) } },
		.reply = { { &reply, sizeof(reply) } },
	};
	int result = vfu_call_state(s, &message);

	if (result == 0 && reply.state.device_state != set.state.device_state)
		return vn_vfu_protocol_error(s, "it answers with another state than the one "
						"it was to take");
	return result;
}

static uint32_t vfu_state_piece(const struct vn_vfu_limits *limits, size_t size)
{
	uint32_t most = limits->data_size;

	return size < most ? (uint32_t)size : most;
}

int vn_vfu_state_read(struct vn_vfu_socket *s, const struct vn_vfu_limits *limits, void *data,
		      size_t room, size_t *size)
{
	struct vfu_mig_data question = { .size = vfu_state_piece(limits, room) }, head;
	struct vn_vfu_message message = {
		.command = VU_MIG_DATA_READ,
		.what = "read the state",
		.request = { { &question, sizeof(question) } },
		.reply = { { &head, sizeof(head) }, { data, question.size } },
	};
	int result;

	question.argsz = (uint32_t)sizeof(question) + question.size;
	*size = 0;
	result = vfu_call_state(s, &message);
	if (result != 0)
		return result;
	if (head.size > message.reply_size - sizeof(head))
		return vn_vfu_protocol_error(s, "it names more bytes of a state than have come");
	*size = head.size;
	return 0;
}

int vn_vfu_state_write(struct vn_vfu_socket *s, const struct vn_vfu_limits *limits,
		       const void *data, size_t size)
{
	int result = 0;

	for (size_t done = 0; done < size && result == 0;) {
		struct vfu_mig_data head = { .size = vfu_state_piece(limits, size - done) };
		struct vn_vfu_message message = {
			.command = VU_MIG_DATA_WRITE,
			.what = "write the state",
			.request = { { &head, sizeof(head) },
				     { (char *)(uintptr_t)data + done, head.size } },
		};

		head.argsz = (uint32_t)sizeof(head) + head.size;
		result = vfu_call_state(s, &message);
		done += head.size;
	}
	return result;
}
