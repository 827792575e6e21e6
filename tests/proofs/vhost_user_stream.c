/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One message of a vhost-user back end, in whatever pieces and with whatever descriptors it comes.
 * PAYLOAD: the length that its header announces.
 */
#include <errno.h>

#include "any.h"

#include "base/stream.h"
#include "driver/transport/vhost_user/channel.h"

static struct vn_vhost_user_message message;

/* As much as is wanted at most; then nothing for now, and the message is looked at again from
 * wherever it has come to. */
ssize_t vn_stream_receive(int fd, void *data, size_t size, struct vn_stream_fds *fds)
{
	static bool again;

	//@ assert \valid((uint8_t *)data + (0 .. size - 1));
	if (again || any_bool())
		return any_bool() ? 0 : any_bool() ? -EPIPE
				: any_bool()	   ? -E2BIG
						   : -EMFILE;
	again = true;
	Frama_C_make_unknown(data, size);
	message.header.size = PAYLOAD;
	if (fds)
		fds->count = any(0, fds->room);
	return (ssize_t)any(1, (uint32_t)size);
}

int close(int fd)
{
	return 0;
}

int main(void)
{
	bool refused = PAYLOAD > sizeof(message.payload);
	uint32_t come = any(0, sizeof(message.header) + (refused ? -1 : PAYLOAD));
	int room = any_bool() ? -1 : (int)any(0, VN_VHOST_USER_FDS_MAX);
	size_t have;

	//@ split come;
	have = come;
	Frama_C_make_unknown((char *)message.fd, sizeof(message.fd));
	message.fd_count = any(0, VN_VHOST_USER_FDS_MAX);
	message.header.size = PAYLOAD;
	(void)vn_vhost_user_receive_some(3, &message, room, &have);
	//@ assert message.fd_count <= VN_VHOST_USER_FDS_MAX && have <= sizeof(message.header) + PAYLOAD;
	Frama_C_show_each_end();
	return 0;
}
