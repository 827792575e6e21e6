/* SPDX-License-Identifier: BSD-3-Clause */
/* A vDPA device through the kernel's calls: the fake kernel of the unit tests with the input's settings, whose answers the
 * input changes. */
#include <errno.h>
#include <linux/vhost.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/session.h"
#include "tests/fuzz/world.h"
#include "tests/unit/fake_vdpa.h"

#define CALL_LIMIT 30000000000ull
#define ANSWER_MAX 64u

const char *const fuzz_words[] = { "\xc0\x05", "\xe0\x16", "\xff\xff", "\x0f", "\x0c\x40", "\x05\xff\xff", NULL };

static bool wrong; /* answers may be */

int fake_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, ...);

/* What the kernel gives back is changed, or an error instead. */
static int call_distort(unsigned long request, uint8_t *argument, int result)
{
	static const int codes[] = { EIO, EFAULT, EOPNOTSUPP, ENOTTY, EBUSY, EPERM, ENOMEM, EINVAL };
	size_t size = _IOC_SIZE(request);
	unsigned int what = fuzz_take8();

	if (what < 0xc0)
		return result;
	if (what & 0x20) {
		errno = codes[what & 7];
		return -1;
	}
	if (argument && _IOC_DIR(request) & _IOC_READ && size <= ANSWER_MAX && size != 0)
		(void)fuzz_take_bytes(argument + (what & 3 ? fuzz_take8() % size : 0), 1);
	else if (argument && request == VHOST_VDPA_GET_CONFIG)
		argument[8 + fuzz_take8() % 24] = fuzz_take8();
	return result;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	void *argument;
	int result;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	result = fake_ioctl(fd, request, argument);
	return wrong ? call_distort(request, argument, result) : result;
}

static void node_meanwhile(void)
{
	vdpa_work();
}

static int node_open(const struct vionet_open_options *options, struct vionet_device **device)
{
	unsigned int how = fuzz_take8(), more = fuzz_take8();

	fuzz_arena_pages(FUZZ_PAGE);
	vdpa_reset_fake();
	vdpa.features = fuzz_dev.offered[0];
	vdpa.backend = fuzz_take16();
	vdpa.num_max = fuzz_dev.queue_max[0];
	vdpa.queues = fuzz_dev.limits.queue_count;
	memcpy(vdpa.config, fuzz_dev.config, DEVICE_CONFIG);
	wrong = (how & 1) != 0;
	vdpa.doorbells = false;
	vdpa.no_sysfs = (how & 2) != 0;
	vdpa.other_node = (how & 0xfc) == 0xfc;
	vdpa.refuses_features = (how & 0xf8) == 0x08;
	vdpa.refuses_maps = (how & 0xf8) == 0x10;
	vdpa.refuses_unmaps = (how & 0x20) != 0;
	vdpa.restless = how & 0x40 ? more & 15 : 0;
	vdpa.num_own = how & 0x80 ? 4u << (more >> 4 & 3) : 0;
	if (more & 0x80)
		vdpa.open_error = EBUSY;
	if (more & 0x40)
		vdpa.device_id = 2;
	vdpa.groups = 1 + (more & 1);
	vdpa.spaces = 1 + (more >> 1 & 1);
	fuzz_meanwhile = node_meanwhile;
	return vionet_device_open("vhost-vdpa:" VDPA_NODE, options, device);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	fuzz_checks_options = true;
	fuzz_sessions(bytes, size, CALL_LIMIT, node_open);
	return 0;
}
