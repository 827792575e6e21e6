/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The messages of the kernel, which passes on what a driver does: status, memory, the state of
 * a queue; and the ways back to it. Each message is answered before the next one: the kernel
 * waits for that, half a minute at most, and then takes the device for dead.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "softnic/text.h"
#include "softnic/vduse/internal.h"

#define RETRY_NS 100000
#define MESSAGES_A_POLL 64u

/* ---- interrupts ---- */

/* The kernel takes none before it knows that DRIVER_OK was accepted: those wait. */
static void vduse_inject(struct device *device)
{
	struct vduse *v = device->vduse;

	for (uint32_t i = 0; i < device->queue_count; i++)
		if ((v->vector >> i & 1) != 0 &&
		    ioctl(device->server->fd, VDUSE_VQ_INJECT_IRQ, &i) == 0)
			v->vector &= ~(UINT64_C(1) << i);
	if (v->config && ioctl(device->server->fd, VDUSE_DEV_INJECT_CONFIG_IRQ) == 0)
		v->config = false;
}

static void vduse_interrupt(struct device *device, unsigned int vector)
{
	/* A faulty device's may be no queue's. */
	if (vector >= device->queue_count)
		return;
	device->vduse->vector |= UINT64_C(1) << vector;
	vduse_inject(device);
}

static void vduse_interrupt_config(struct device *device)
{
	int result = vduse_put_config(device);

	if (result < 0)
		complain("%s: the configuration cannot be changed: %s", device->options->vduse,
			 strerror(-result));
	trace(device, "INTERRUPT configuration");
	device->vduse->config = true;
	vduse_inject(device);
}

static int64_t vduse_poll(struct device *device)
{
	struct vduse *v = device->vduse;

	if (v->vector == 0 && !v->config)
		return -1;
	vduse_inject(device);
	return v->vector != 0 || v->config ? RETRY_NS : -1;
}

/* ---- messages ---- */

/* The driver begins anew, or has gone. */
static void vduse_reset(struct device *device)
{
	struct vduse *v = device->vduse;

	status_write(device, 0);
	(void)status_read(device);
	dma_unmap_all(device);
	/* A kick that the kernel still has on its way is not the next driver's. It says why if it fails. */
	(void)doorbells_renew(device);
	v->doorbells = false;
	v->vector = 0;
	v->config = false;
}

static void vduse_give_doorbells(struct device *device)
{
	struct vduse *v = device->vduse;

	if (v->doorbells)
		return;
	v->doorbells = true;
	for (unsigned int i = 0; i < device->queue_count; i++) {
		struct vduse_vq_eventfd doorbell = { .index = i, .fd = device->server->notify.event[i] };

		if (ioctl(device->server->fd, VDUSE_VQ_SETUP_KICKFD, &doorbell) < 0)
			complain("%s: queue %u has no doorbell: %s", device->options->vduse, i,
				 strerror(errno));
	}
}

/* That a driver reads status, which the specification asks it to do, the kernel does not show. */
static int vduse_set_status(struct device *device, uint8_t value)
{
	uint8_t old = device->status;
	__u64 features;

	trace(device, "WRITE status 0x%02x", value);
	if (value == 0) {
		vduse_reset(device);
		return 0;
	}
	if (value & ~(uint32_t)old & ST_DRIVER)
		device->server->sessions++;
	if ((value & ST_FEATURES_OK) && !(old & ST_FEATURES_OK)) {
		if (ioctl(device->server->fd, VDUSE_DEV_GET_FEATURES, &features) < 0)
			return -errno;
		registers_of(device)->wanted = (struct features){ .word = { features } };
	}
	status_write(device, value);
	(void)status_read(device);
	vduse_give_doorbells(device);
	if (device_is_live(device) && !(old & ST_DRIVER_OK)) {
		device->vduse->driven = true;
		vduse_rings_start(device);
	}
	/* Not taken: the driver reads back what it was before. */
	return (value & ~(uint32_t)device->status & ST_FEATURES_OK) != 0 ? -EINVAL : 0;
}

static int vduse_message(struct device *device, const struct vduse_dev_request *request,
			 struct vduse_dev_response *response)
{
	switch (request->type) {
	case VDUSE_GET_VQ_STATE:
		if (request->vq_state.index >= device->queue_count)
			return -EINVAL;
		return vduse_ring_state(&device->queue[request->vq_state.index],
					&response->vq_state);
	case VDUSE_SET_STATUS:
		return vduse_set_status(device, request->s.status);
	case VDUSE_UPDATE_IOTLB:
		/* What is still there is fetched again when it is used. */
		trace(device, "UPDATE_IOTLB 0x%" PRIx64 " 0x%" PRIx64, (uint64_t)request->iova.start,
		      (uint64_t)request->iova.last);
		dma_unmap_all(device);
		return 0;
	default:
		trace(device, "REQUEST %u unknown", request->type);
		return -EINVAL;
	}
}

/* One message. 1: answered, 0: there is none, -1: no more will come. */
static int vduse_serve_one(struct device *device)
{
	struct vduse_dev_request request;
	struct vduse_dev_response response = { .result = VDUSE_REQ_RESULT_OK };
	int fd = device->server->fd;
	__u64 features;

	if (read(fd, &request, sizeof(request)) != (ssize_t)sizeof(request))
		return ioctl(fd, VDUSE_DEV_GET_FEATURES, &features) < 0 && errno == EPERM ? -1 : 0;
	response.request_id = request.request_id;
	if (vduse_message(device, &request, &response) < 0)
		response.result = VDUSE_REQ_RESULT_FAILED;
	/* ENOENT: who waited for it was killed. */
	if (write(fd, &response, sizeof(response)) < 0 && errno != ENOENT)
		complain("%s: an answer is not taken: %s", device->options->vduse,
			 strerror(errno));
	return 1;
}

static bool vduse_serve(struct device *device)
{
	struct vduse *v = device->vduse;

	for (unsigned int i = 0; i < MESSAGES_A_POLL; i++) {
		int result = vduse_serve_one(device);

		if (result == 0)
			break;
		if (result < 0) {
			device->protocol_errors++;
			complain("%s: the kernel had no answer in time and has given the device "
				 "up; start it again",
				 device->options->vduse);
			raise(SIGTERM);
			return false;
		}
		if (v->driven && device->status == 0) {
			v->driven = false;
			return false;
		}
	}
	return true;
}

static void vduse_serve_last(struct device *device)
{
	(void)vduse_serve(device);
}

/* ---- life ---- */

static int vduse_open(struct device *device)
{
	struct server *server = device->server;
	int result;

	server->fd = server->listener.fd = -1;
	device->vduse = calloc(1, sizeof(*device->vduse));
	if (device->vduse == NULL)
		return -ENOMEM;
	device->vduse->control = -1;
	interrupts_open(device);
	server->dma.master = true;
	result = dma_open(device, queues_remap, vduse_iotlb_fetch);
	if (result == 0)
		result = doorbells_open(device);
	if (result == 0)
		result = vduse_node_open(device);
	if (result == 0)
		device_reset(device, "start");
	return result;
}

static void vduse_close(struct device *device)
{
	if (device->vduse == NULL)
		return;
	vduse_node_close(device, vduse_serve_last);
	device_reset(device, "end");
	dma_unmap_all(device);
	doorbells_close(device);
	free(device->vduse);
	device->vduse = NULL;
}

static void vduse_say_ready(const struct device *device)
{
	const char *name = device->options->vduse;

	printf("vionet-softnic: VDUSE device %s, to be used with: vdpa dev add name %s mgmtdev "
	       "vduse\n",
	       name, name);
}

const struct transport vduse_transport = {
	.name = "vduse",
	.steps = true,
	.open = vduse_open,
	.close = vduse_close,
	.say_ready = vduse_say_ready,
	.serve = vduse_serve,
	.interrupt = vduse_interrupt,
	.interrupt_config = vduse_interrupt_config,
	.poll = vduse_poll,
};
