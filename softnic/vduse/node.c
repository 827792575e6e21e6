/* SPDX-License-Identifier: BSD-3-Clause */
/* The device in /dev/vduse: making it, and leaving nothing behind. Never removes a vDPA device
 * that is another's. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "softnic/clock.h"
#include "softnic/net/net.h"
#include "softnic/text.h"
#include "softnic/vduse/internal.h"

#define CONTROL "/dev/vduse/control"
#define NETWORK_DEVICE 1u
#define ALIGN 4096u
#define CONFIG_ROOM 512u
#define REMOVAL_NS 10000000000ull
#define GLANCE_MS 20

static const char *node_device_name(const struct device *device)
{
	return device->options->vduse;
}

static int node_failed(const char *object, int error, const char *remedy)
{
	complain("%s: %s%s%s", object, strerror(error), remedy != NULL ? "; " : "",
		 remedy != NULL ? remedy : "");
	return -error;
}

/* ---- making it ---- */

static int node_open_control(struct vduse *v)
{
	__u64 version = VDUSE_API_VERSION;
	const char *remedy = NULL;

	v->control = open(CONTROL, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (v->control < 0) {
		if (errno == ENOENT || errno == ENXIO || errno == ENODEV)
			remedy = "load the kernel's module: modprobe vduse";
		else if (errno == EACCES || errno == EPERM)
			remedy = "run as root";
		return node_failed(CONTROL, errno, remedy);
	}
	/* Newer kernels begin with a later one. */
	if (ioctl(v->control, VDUSE_SET_API_VERSION, &version) < 0)
		return node_failed(CONTROL, errno,
				   "version 0 of its interface is needed, which this is not");
	return 0;
}

static int node_make(const struct device *device)
{
	union {
		struct vduse_dev_config config;
		uint8_t bytes[sizeof(struct vduse_dev_config) + CONFIG_ROOM];
	} make = { .config = { .vendor_id = PCI_ID_VENDOR,
			       .device_id = NETWORK_DEVICE,
			       .vq_num = device->queue_count,
			       .vq_align = ALIGN,
			       .config_size = (uint32_t)net_config_size(device) } };
	struct features offered;

	if (make.config.config_size > CONFIG_ROOM)
		return -E2BIG;
	offer_features((struct device *)(uintptr_t)device, &offered);
	make.config.features = offered.word[0];
	memcpy(make.config.name, node_device_name(device), strlen(node_device_name(device)));
	offer_config((struct device *)(uintptr_t)device, 0, make.config.config,
		     make.config.config_size);
	return ioctl(device->vduse->control, VDUSE_CREATE_DEV, &make.config) < 0 ? -errno : 0;
}

static int node_destroy(const struct device *device)
{
	char name[VDUSE_NAME_MAX] = { 0 };

	memcpy(name, node_device_name(device), strlen(node_device_name(device)));
	return ioctl(device->vduse->control, VDUSE_DESTROY_DEV, name) < 0 ? -errno : 0;
}

/* One that a process has left behind is nobody's, and the kernel destroys no other. */
static int node_create(struct device *device)
{
	const char *name = node_device_name(device);
	int result = node_make(device);

	if (result == -EEXIST && node_destroy(device) == 0) {
		complain("%s: what another process has left of it is removed", name);
		result = node_make(device);
	}
	device->vduse->made = result == 0;
	switch (result) {
	case 0:
		return 0;
	case -EEXIST:
		complain("%s: another process serves a VDUSE device of that name, or its vDPA "
			 "device is left; choose another name, or: vdpa dev del %s",
			 name, name);
		return result;
	case -EPERM:
		return node_failed(name, EPERM, "a network device needs CAP_NET_ADMIN: run as root");
	case -EINVAL:
		complain("%s: the kernel refuses a network device with these features: it wants "
			 "VERSION_1 and ACCESS_PLATFORM, and no CTRL_VQ; and Linux 6.9 or newer",
			 name);
		return result;
	default:
		return node_failed(name, -result, NULL);
	}
}

static int node_set_queues(const struct device *device)
{
	for (unsigned int i = 0; i < device->queue_count; i++) {
		struct vduse_vq_config config = { .index = i, .max_size = queue_size_max(device, i) };

		if (ioctl(device->server->fd, VDUSE_VQ_SETUP, &config) < 0)
			return -errno;
	}
	return 0;
}

int vduse_node_open(struct device *device)
{
	char path[32 + VDUSE_NAME_MAX];
	int result = node_open_control(device->vduse);

	if (result == 0)
		result = node_create(device);
	if (result < 0)
		return result;
	snprintf(path, sizeof(path), "/dev/vduse/%s", node_device_name(device));
	device->server->fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (device->server->fd < 0)
		return node_failed(path, errno, NULL);
	result = node_set_queues(device);
	return result < 0 ? node_failed(path, -result, NULL) : 0;
}

int vduse_put_config(struct device *device)
{
	union {
		struct vduse_config_data data;
		uint8_t bytes[sizeof(struct vduse_config_data) + CONFIG_ROOM];
	} all = { .data = { .length = (uint32_t)net_config_size(device) } };

	offer_config(device, 0, all.data.buffer, all.data.length);
	return ioctl(device->server->fd, VDUSE_DEV_SET_CONFIG, &all.data) < 0 ? -errno : 0;
}

/* ---- removing it ---- */

/* Another parent's device may have that name too. */
static bool node_has_vdpa(const struct device *device)
{
	char path[64 + VDUSE_NAME_MAX], whole[PATH_MAX], end[16 + 2 * VDUSE_NAME_MAX];
	size_t length;

	snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/%s", node_device_name(device));
	if (realpath(path, whole) == NULL)
		return false;
	snprintf(end, sizeof(end), "/vduse/%s/%s", node_device_name(device), node_device_name(device));
	length = strlen(whole);
	return length >= strlen(end) && strcmp(whole + length - strlen(end), end) == 0;
}

/*
 * The kernel removes the vDPA device in the call, and resets it, for which we have to answer;
 * and it waits until a process has closed it. The child is what waits: it stays behind if need
 * be, and takes the rest with it.
 */
static pid_t node_start_removal(struct device *device)
{
	pid_t child = fork();
	int result;

	if (child != 0)
		return child;
	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	close(device->server->fd);
	result = vduse_netlink_remove(node_device_name(device));
	if (result == 0)
		(void)node_destroy(device);
	_exit(result == 0 || result == -ENODEV ? 0 : -result);
}

static void node_remove_vdpa(struct device *device, void (*serve)(struct device *device))
{
	struct pollfd message = { .fd = device->server->fd, .events = POLLIN };
	uint64_t until = clock_now() + REMOVAL_NS;
	const char *name = node_device_name(device);
	pid_t child, ended = 0;
	int status = 0;

	fflush(NULL);
	child = node_start_removal(device);
	while (child > 0 && ended == 0 && clock_now() < until) {
		if (poll(&message, 1, GLANCE_MS) > 0)
			serve(device);
		ended = waitpid(child, &status, WNOHANG);
	}
	if (ended == 0)
		complain("%s: its vDPA device is open in another process, and is removed when "
			 "that has closed it",
			 name);
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		complain("%s: its vDPA device stays: %s; vdpa dev del %s", name,
			 strerror(WIFEXITED(status) ? WEXITSTATUS(status) : EINTR), name);
}

void vduse_node_close(struct device *device, void (*serve)(struct device *device))
{
	struct vduse *v = device->vduse;
	int result;

	if (device->server->fd >= 0 && node_has_vdpa(device))
		node_remove_vdpa(device, serve);
	if (device->server->fd >= 0)
		close(device->server->fd);
	device->server->fd = -1;
	result = v->made ? node_destroy(device) : 0;
	/* -EINVAL: the child was faster. */
	if (result < 0 && result != -EINVAL && !node_has_vdpa(device))
		(void)node_failed(node_device_name(device), -result, NULL);
	if (v->control >= 0)
		close(v->control);
	v->control = -1;
}
