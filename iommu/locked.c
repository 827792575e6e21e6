/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/error.h"
#include "iommu/call.h"
#include "iommu/iommufd.h"
#include "iommu/locked.h"

#define CAP_IPC_LOCK_BIT 14

/* The module that provides /dev/vfio/vfio may be iommufd; VFIO's own does not know
 * the call. */
enum vn_accounting vn_locked_accounting(int fd)
{
	struct vn_iommufd_option option = { .size = sizeof(option),
					    .operation = VN_IOMMUFD_OPTION_GET };

	return vn_vfio_call(fd, VN_IOMMUFD_OPTION, &option) == 0 ? VN_ACCOUNT_IOMMUFD : VN_ACCOUNT_PROCESS;
}

static void locked_read_status_line(const char *line, enum vn_accounting accounting,
				    struct vn_locked *locked)
{
	uint64_t value;

	if ((accounting != VN_ACCOUNT_VHOST &&
	     sscanf(line, "VmLck: %" SCNu64 " kB", &value) == 1) ||
	    (accounting != VN_ACCOUNT_PROCESS &&
	     sscanf(line, "VmPin: %" SCNu64 " kB", &value) == 1)) {
		if (locked->in_use < value * 1024)
			locked->in_use = value * 1024;
	} else if (accounting != VN_ACCOUNT_VHOST &&
		   sscanf(line, "CapEff: %" SCNx64, &value) == 1 &&
		   (value >> CAP_IPC_LOCK_BIT & 1) != 0) {
		locked->limit = UINT64_MAX;
	}
}

void vn_locked_read_status(FILE *status, enum vn_accounting accounting,
			   struct vn_locked *locked)
{
	char line[256];

	while (fgets(line, sizeof(line), status) != NULL)
		locked_read_status_line(line, accounting, locked);
}

/*
 * type1 adds what it pins to the process's locked memory (VmLck), together with
 * what mlock() holds. The capability is that of the calling thread. What cannot
 * be read (no /proc) is left to the kernel to refuse.
 */
static void locked_read(enum vn_accounting accounting, struct vn_locked *locked)
{
	struct rlimit limit;
	FILE *status;

	*locked = (struct vn_locked){ 0, UINT64_MAX, UINT64_MAX };
	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0) {
		if (limit.rlim_cur != RLIM_INFINITY)
			locked->limit = limit.rlim_cur;
		if (limit.rlim_max != RLIM_INFINITY)
			locked->limit_hard = limit.rlim_max;
	}
	status = fopen("/proc/thread-self/status", "re");
	if (status == NULL) {
		locked->limit = UINT64_MAX;
		return;
	}
	vn_locked_read_status(status, accounting, locked);
	fclose(status);
}

static int locked_over_limit(uint64_t need, const struct vn_locked *locked)
{
	uint64_t need_kib = need / 1024 + (need % 1024 != 0);
	uint64_t all = locked->in_use / 1024 + need_kib;
	char command[96];

	if (all <= locked->limit_hard / 1024)
		snprintf(command, sizeof(command), "ulimit -l %" PRIu64, all);
	else
		snprintf(command, sizeof(command),
			 "sudo prlimit --pid $$ --memlock=%" PRIu64, all * 1024);
	return vn_error(ENOMEM,
			"needs %" PRIu64 " KiB of locked memory, %" PRIu64 " of %" PRIu64
			" KiB are in use; raise the limit: %s",
			need_kib, locked->in_use / 1024, locked->limit / 1024, command);
}

int vn_locked_check(uint64_t need, enum vn_accounting accounting)
{
	struct vn_locked locked;

	if (accounting == VN_ACCOUNT_NONE)
		return 0;
	locked_read(accounting, &locked);
	if (locked.in_use <= locked.limit &&
	    need <= locked.limit - locked.in_use)
		return 0;
	return locked_over_limit(need, &locked);
}
