/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a vfio-user server says of its regions: any reply, of any length that
 * there is room for. DATA_SIZE: bytes of configuration space in a message. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "any.h"

#include "pci/vfio_user/region.h"

int vn_vfu_call(struct vn_vfu_socket *socket, struct vn_vfu_message *message)
{
	size_t more = message->reply[1].iov_len;

	if (any_bool())
		return any_bool() ? -EIO : -ENODEV;
	Frama_C_make_unknown(message->reply[0].iov_base, message->reply[0].iov_len);
	if (more != 0)
		Frama_C_make_unknown(message->reply[1].iov_base, more);
	message->reply_size = message->reply[0].iov_len + any(0, (uint32_t)more);
	if (message->reply_fds && any_bool()) {
		*message->reply_fds = (int)any(3, 1000);
		message->reply_fd_count = 1;
	}
	return 0;
}

int vn_vfu_protocol_error(struct vn_vfu_socket *socket, const char *format, ...)
{
	return -EIO;
}

const char *vn_region_name(unsigned int index)
{
	return "";
}

int fcntl(int fd, int command, ...)
{
	return any_bool() ? -1 : (int)any(0, INT32_MAX);
}

int fstat(int fd, struct stat *status)
{
	status->st_mode = any(0, UINT32_MAX);
	status->st_size = any(0, INT32_MAX);
	return -(int)any(0, 1);
}

int fstatfs(int fd, struct statfs *system)
{
	system->f_type = any(0, INT32_MAX);
	return -(int)any(0, 1);
}

int close(int fd)
{
	return 0;
}

long sysconf(int name)
{
	return 4096;
}

int main(void)
{
	static struct vn_vfu_socket socket;
	static struct vn_region region[VN_REGION_COUNT];
	static struct vn_vfu_region behind[VN_REGION_COUNT];
	static struct vn_vfu_limits limits;

	limits.data_size = DATA_SIZE;
	for (uint32_t i = 0; i < VN_REGION_COUNT; i++)
		behind[i].fd = -1;
	(void)vn_vfu_regions(&socket, &limits, any(0, UINT32_MAX), region, behind);
	Frama_C_show_each_end();
	return 0;
}
