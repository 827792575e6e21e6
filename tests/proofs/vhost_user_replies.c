/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Replies and requests of a vhost-user back end: any message that channel.c lets through, which is
 * what vhost_user_stream.c proves.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "any.h"

#include <vionet/error.h>

#include "driver/transport/vhost_user/internal.h"

static struct vn_vhost_user t;

static void any_message(struct vn_vhost_user_message *message)
{
	Frama_C_make_unknown((char *)&message->payload, sizeof(message->payload));
	Frama_C_make_unknown((char *)message->fd, sizeof(message->fd));
	message->header.request = any(0, UINT32_MAX);
	message->header.flags = any(0, UINT32_MAX);
	message->header.size = any(0, sizeof(message->payload));
	message->fd_count = any(0, VN_VHOST_USER_FDS_MAX);
}

int vn_vhost_user_receive(int fd, struct vn_vhost_user_message *message, unsigned int room, uint64_t end)
{
	any_message(message);
	return any_bool() ? 0 : any_bool() ? -ETIMEDOUT
					   : -EIO;
}

int vn_vhost_user_receive_some(int fd, struct vn_vhost_user_message *message, int room, size_t *have)
{
	any_message(message);
	*have = any(0, sizeof(message->header) + sizeof(message->payload));
	return any_bool() ? 1 : any_bool() ? 0
					   : -EIO;
}

int vn_vhost_user_send(int fd, const struct vn_vhost_user_message *message, uint64_t end)
{
	return any_bool() ? 0 : -EIO;
}

void vn_vhost_user_drop_fds(struct vn_vhost_user_message *message)
{
	message->fd_count = 0;
}

const char *vn_vhost_user_name(uint32_t request)
{
	return "";
}

const char *vionet_error_text(void)
{
	return "";
}

bool vn_vhost_user_rings_run(const struct vn_vhost_user *transport)
{
	return any_bool();
}

int fstat(int fd, struct stat *status)
{
	status->st_size = (off_t)any(0, UINT32_MAX) - (off_t)any(0, UINT32_MAX);
	return -(int)any(0, 1);
}

int close(int fd)
{
	return 0;
}

int main(void)
{
	static uint8_t config[VHOST_USER_CONFIG_MAX];
	uint64_t features;

	t.fd = 3;
	t.backend_fd = any_bool() ? 4 : -1;
	t.protocol = any(0, UINT32_MAX);
	t.status = (uint8_t)any(0, UINT8_MAX);
	t.reply_timeout = any(1, UINT32_MAX);
	t.budget = any(0, UINT32_MAX);
	t.budget_at = any(0, UINT32_MAX);
	t.inflight.fd = -1;
	//@ loop unroll 256;
	for (uint32_t i = 0; i < VHOST_USER_QUEUES_MAX; i++) {
		t.queue[i].set_up = any_bool();
		t.queue[i].size = (uint16_t)any(0, UINT16_MAX);
	}
	switch (any(0, 3)) {
	case 0:
		(void)vn_vhost_user_get_config(&t, any(0, VHOST_USER_CONFIG_MAX + 1), config);
		break;
	case 1:
		(void)vn_vhost_user_get_u64(&t, VHOST_USER_GET_FEATURES, &features);
		(void)vn_vhost_user_set_state(&t, VHOST_USER_SET_VRING_NUM, 0, 256);
		break;
	case 2:
		(void)vn_vhost_user_inflight_share(&t);
		break;
	default:
		vn_vhost_user_backend_requests(&t);
	}
	Frama_C_show_each_end();
	return 0;
}
