/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/error.h"
#include "iommu/given.h"

int vn_given_check(int fd, const char *what)
{
	if (fd < 0 || fcntl(fd, F_GETFD) >= 0)
		return 0;
	return vn_error(EINVAL, "descriptor %d, which is to be %s, is not open", fd, what);
}

int vn_given_take(int fd, int *own)
{
	*own = -1;
	if (fd < 0)
		return 0;
	*own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return *own >= 0 ? 0 : vn_error_errno(errno, "duplicate descriptor %d", fd);
}

static const char *given_kind(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "a file";
	case S_IFDIR:
		return "a folder";
	case S_IFSOCK:
		return "a socket";
	case S_IFIFO:
		return "a pipe";
	case S_IFBLK:
		return "a block device";
	default:
		return "of another kind";
	}
}

bool vn_given_is_other(int result)
{
	/* ENOSYS: of an emulator of programs. */
	return result == -ENOTTY || result == -EINVAL || result == -ENOSYS || result == -EBADF;
}

int vn_given_refused(int fd, const char *what)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return vn_error(EINVAL, "descriptor %d is not %s", fd, what);
	if (S_ISCHR(status.st_mode))
		return vn_error(EINVAL, "descriptor %d is not %s: it is character device %u:%u", fd,
				what, major(status.st_rdev), minor(status.st_rdev));
	return vn_error(EINVAL, "descriptor %d is not %s: it is %s", fd, what,
			given_kind(status.st_mode));
}

const char *vn_given_name(int fd, char *text, size_t size)
{
	snprintf(text, size, "descriptor %d", fd);
	return text;
}
