/* SPDX-License-Identifier: BSD-3-Clause */
/* Source: seccomp(2), Documentation/userspace-api/seccomp_filter.rst. */
#include "tools/shared/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "tools/shared/common.h"

#define OPENING SANDBOX_OPENING
#define ALWAYS (SANDBOX_OPENING | SANDBOX_RUNNING)
#define ON_SOCKET SANDBOX_SOCKET

/* The calls of VFIO and of iommufd are those of type ';'. */
#define VFIO_TYPE (0x3bu << 8)

/* Of each call the filter looks at one argument, where it has a condition. */
struct sandbox_rule {
	int call;
	unsigned int stages;
	struct scmp_arg_cmp condition; /* none if `op` is 0 */
};

/* This bit of the argument, or all of these, are not set. */
#define WITHOUT(argument, bits)                       \
	{                                             \
		argument, SCMP_CMP_MASKED_EQ, bits, 0 \
	}
#define WITH(argument, bits)                             \
	{                                                \
		argument, SCMP_CMP_MASKED_EQ, bits, bits \
	}
#define EQUALS(argument, value)                 \
	{                                       \
		argument, SCMP_CMP_EQ, value, 0 \
	}
#define ANY       \
	{         \
		0 \
	}

static const struct sandbox_rule sandbox_rules[] = {
	/* The device: registers, interrupts, mappings. */
	{ SCMP_SYS(ioctl), ALWAYS, { 1, SCMP_CMP_MASKED_EQ, 0xff00, VFIO_TYPE } },
	{ SCMP_SYS(pread64), ALWAYS, ANY },
	{ SCMP_SYS(pwrite64), ALWAYS, ANY },
	{ SCMP_SYS(preadv2), ALWAYS, ANY }, /* of an eventfd, without waiting */
	/* Output, and the terminal's width. */
	{ SCMP_SYS(ioctl), ALWAYS, EQUALS(1, TCGETS) },
	{ SCMP_SYS(ioctl), ALWAYS, EQUALS(1, TIOCGWINSZ) },
	{ SCMP_SYS(read), ALWAYS, ANY },
	{ SCMP_SYS(write), ALWAYS, ANY },
	{ SCMP_SYS(writev), ALWAYS, ANY },
	{ SCMP_SYS(lseek), ALWAYS, ANY },
	{ SCMP_SYS(ftruncate), ALWAYS, ANY }, /* memory; files of a capture that are written anew */
	{ SCMP_SYS(fstat), ALWAYS, ANY },
	{ SCMP_SYS(newfstatat), ALWAYS, WITH(3, AT_EMPTY_PATH) },
	{ SCMP_SYS(close), ALWAYS, ANY },
	/* Memory, none of it to be executed. */
	{ SCMP_SYS(mmap), ALWAYS, WITHOUT(2, PROT_EXEC) },
	{ SCMP_SYS(mprotect), ALWAYS, WITHOUT(2, PROT_EXEC) },
	{ SCMP_SYS(munmap), ALWAYS, ANY },
	{ SCMP_SYS(mremap), ALWAYS, ANY },
	{ SCMP_SYS(madvise), ALWAYS, ANY },
	{ SCMP_SYS(brk), ALWAYS, ANY },
	/* Waiting, clocks, signals. */
	{ SCMP_SYS(poll), ALWAYS, ANY },
	{ SCMP_SYS(ppoll), ALWAYS, ANY },
	{ SCMP_SYS(epoll_ctl), ALWAYS, ANY },
	{ SCMP_SYS(epoll_wait), ALWAYS, ANY },
	{ SCMP_SYS(epoll_pwait), ALWAYS, ANY },
	{ SCMP_SYS(clock_gettime), ALWAYS, ANY },
	{ SCMP_SYS(clock_nanosleep), ALWAYS, ANY },
	{ SCMP_SYS(setitimer), ALWAYS, ANY },
	{ SCMP_SYS(rt_sigprocmask), ALWAYS, ANY },
	{ SCMP_SYS(rt_sigaction), ALWAYS, ANY },
	{ SCMP_SYS(rt_sigreturn), ALWAYS, ANY },
	{ SCMP_SYS(restart_syscall), ALWAYS, ANY },
	{ SCMP_SYS(exit), ALWAYS, ANY },
	{ SCMP_SYS(exit_group), ALWAYS, ANY },
	/* Threads, and no processes. */
	{ SCMP_SYS(clone), ALWAYS, WITH(0, CLONE_THREAD | CLONE_VM) },
	{ SCMP_SYS(futex), ALWAYS, ANY },
	{ SCMP_SYS(set_robust_list), ALWAYS, ANY },
	{ SCMP_SYS(rseq), ALWAYS, ANY },
	{ SCMP_SYS(sched_setaffinity), ALWAYS, ANY },
	{ SCMP_SYS(sched_getaffinity), ALWAYS, ANY },
	{ SCMP_SYS(sched_yield), ALWAYS, ANY },
	{ SCMP_SYS(getpid), ALWAYS, ANY },
	{ SCMP_SYS(gettid), ALWAYS, ANY },
	{ SCMP_SYS(uname), ALWAYS, ANY },
	{ SCMP_SYS(tgkill), ALWAYS, ANY },
	/* A device behind a socket. */
	{ SCMP_SYS(sendmsg), ON_SOCKET, ANY },
	{ SCMP_SYS(recvmsg), ON_SOCKET, ANY },
	{ SCMP_SYS(sendto), ON_SOCKET, ANY },
	{ SCMP_SYS(recvfrom), ON_SOCKET, ANY },
	{ SCMP_SYS(shutdown), ON_SOCKET, ANY },
	{ SCMP_SYS(flock), ON_SOCKET, EQUALS(1, LOCK_UN) },
	/* Its doorbells that are eventfds: signalled by requests that are complete at once. */
	{ SCMP_SYS(io_submit), ON_SOCKET, ANY },
	{ SCMP_SYS(io_getevents), ON_SOCKET, ANY },
	{ SCMP_SYS(io_destroy), ON_SOCKET, ANY },
	/* What a device is opened and started with, and the next filter. */
	{ SCMP_SYS(fcntl), OPENING, ANY },
	{ SCMP_SYS(memfd_create), OPENING, ANY },
	{ SCMP_SYS(fallocate), OPENING, ANY },
	{ SCMP_SYS(eventfd2), OPENING, ANY },
	{ SCMP_SYS(io_setup), OPENING, ANY },
	{ SCMP_SYS(epoll_create1), OPENING, ANY },
	{ SCMP_SYS(prlimit64), OPENING, EQUALS(2, 0) },
	{ SCMP_SYS(sysinfo), OPENING, ANY },
	{ SCMP_SYS(prctl), OPENING, ANY },
	{ SCMP_SYS(seccomp), OPENING, ANY },
};

/* What fails instead: files, and the newer way to make a thread, whose flags no filter can see. */
static const struct {
	int call, error;
} sandbox_denied[] = {
	{ SCMP_SYS(open), EACCES },
	{ SCMP_SYS(openat), EACCES },
	{ SCMP_SYS(access), EACCES },
	{ SCMP_SYS(faccessat), EACCES },
	{ SCMP_SYS(faccessat2), EACCES },
	{ SCMP_SYS(stat), EACCES },
	{ SCMP_SYS(readlink), EACCES },
	{ SCMP_SYS(readlinkat), EACCES },
	{ SCMP_SYS(unlinkat), EACCES },
	{ SCMP_SYS(clone3), ENOSYS },
};

static int sandbox_add_rules(scmp_filter_ctx filter, unsigned int stages)
{
	int result = 0;

	for (size_t i = 0; i < sizeof(sandbox_denied) / sizeof(sandbox_denied[0]) && result == 0; i++)
		result = seccomp_rule_add_array(filter,
						SCMP_ACT_ERRNO((uint32_t)sandbox_denied[i].error),
						sandbox_denied[i].call, 0, NULL);
	/* By a path; by a descriptor it is allowed. */
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(newfstatat), 1,
					  SCMP_A3_64(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, 0));
	for (size_t i = 0; i < sizeof(sandbox_rules) / sizeof(sandbox_rules[0]) && result == 0; i++) {
		const struct sandbox_rule *rule = &sandbox_rules[i];

		if ((rule->stages & stages) != 0)
			result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rule->call,
							rule->condition.op != 0, &rule->condition);
	}
	return result;
}

int sandbox_enter(unsigned int stages)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int result = filter != NULL ? sandbox_add_rules(filter, stages) : -ENOMEM;

	/* Threads that there are, too. */
	if (result == 0)
		result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (result == 0)
		result = seccomp_load(filter);
	if (filter != NULL)
		seccomp_release(filter);
	if (result == 0)
		return CODE_OK;
	say("--sandbox: the kernel does not take the filter: %s; it needs CONFIG_SECCOMP_FILTER",
	    strerror(-result));
	return CODE_FAILED;
}
