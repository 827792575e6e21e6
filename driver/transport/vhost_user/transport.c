/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport to a vhost-user back end, as a front end: its name, opening,
 * configuration, interrupts and events, closing. We are what QEMU is to a virtual
 * switch; there is no PCI function anywhere.
 *
 * Source: "Vhost-user Protocol", docs/interop/vhost-user.rst of QEMU.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/socket.h"
#include "driver/transport/config_fields.h"
#include "driver/transport/vhost_user/internal.h"

#define WAIT_DEFAULT 10u /* seconds for a back end to connect */
#define WAIT_MAX 3600u

/* ---- interrupts and events ---- */

/* Vectors are eventfds that the back end writes to. The first, for configuration
 * changes elsewhere, has no use here: they come as messages. */
static int vhu_vectors(struct vn_transport *transport, unsigned int wanted,
		       unsigned int *count)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);

	return vn_vectors_renew(transport, &t->vectors, wanted, vn_vhost_user_vector_max(t),
				count);
}

/* That the back end is gone shows in the status, as DEVICE_NEEDS_RESET. */
static int vhu_events(struct vn_transport *transport, uint32_t *happened)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);

	*happened = 0;
	if (vn_vhost_user_alive(t))
		vn_vhost_user_backend_requests(t);
	if (t->config_changed || !t->config_interrupt)
		*happened |= VIONET_EVENT_LINK;
	t->config_changed = false;
	return 0;
}

/* ---- configuration ---- */

/* One message is one snapshot: there is no generation to compare. */
static int vhu_config_read(struct vn_transport *transport,
			   const struct vn_config_field *fields, unsigned int count)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);
	uint8_t bytes[VHOST_USER_CONFIG_MAX];
	uint32_t end = vn_config_end(fields, count);
	int result;

	if (end > t->config_size)
		return vn_error(EIO, "vhost-user: the configuration has %u bytes, "
				"not %u", t->config_size, end);
	result = vn_vhost_user_get_config(t, end, bytes);
	if (result == 0)
		vn_config_take(fields, count, bytes);
	return result;
}

/* ---- the name ---- */

static int vhu_parse_wait(const char *text, size_t length, unsigned int *wait)
{
	char digits[8];
	char *end;
	unsigned long value;

	if (length == 0 || length >= sizeof(digits) || text[0] < '0' ||
	    text[0] > '9')
		return -EINVAL;
	memcpy(digits, text, length);
	digits[length] = '\0';
	value = strtoul(digits, &end, 10);
	if (*end != '\0' || value > WAIT_MAX)
		return -EINVAL;
	*wait = (unsigned int)value;
	return 0;
}

static int vhu_parse_option(const char *text, size_t length,
			    struct vn_vhost_user_name *name)
{
	if (length == 6 && memcmp(text, "server", length) == 0) {
		name->server = true;
		return 0;
	}
	if (length == 9 && memcmp(text, "read-only", length) == 0) {
		name->read_only = true;
		return 0;
	}
	if (length > 5 && memcmp(text, "wait=", 5) == 0 &&
	    vhu_parse_wait(text + 5, length - 5, &name->wait) == 0)
		return 0;
	return vn_error(EINVAL, "'%.*s' is not 'server', 'read-only' or "
			"'wait=SECONDS' (up to %u)", (int)length, text, WAIT_MAX);
}

/* Of the options before it, from `first` on, is one the same? */
static bool vhu_is_double(const char *first, const char *text)
{
	size_t name = strcspn(text, "=,");

	for (; first < text; first += strcspn(first, ",") + 1)
		if (strncmp(first, text, name) == 0 && strcspn(first, "=,") == name)
			return true;
	return false;
}

static int vhu_parse_name(const char *text, struct vn_vhost_user_name *name)
{
	size_t length = strcspn(text, ",");
	const char *first;
	bool waits = false;
	int result = 0;

	memset(name, 0, sizeof(*name));
	if (length == 0 || length >= sizeof(name->path))
		return vn_error(EINVAL, "a socket's path has 1 to %zu characters, "
				"none of them a comma", sizeof(name->path) - 1);
	memcpy(name->path, text, length);
	first = text + length + 1;
	while (result == 0 && text[length] == ',') {
		text += length + 1;
		length = strcspn(text, ",");
		waits = waits || strncmp(text, "wait=", 5) == 0;
		result = vhu_parse_option(text, length, name);
		if (result == 0 && vhu_is_double(first, text))
			result = vn_error(EINVAL, "'%.*s' is said twice; leave one out",
					  (int)strcspn(text, "=,"), text);
	}
	if (!waits && name->server)
		name->wait = WAIT_DEFAULT;
	return result;
}

/* ---- opening and closing ---- */

/* Remember which file is ours: another process may have put its own there. */
static int vhu_open_server(struct vn_vhost_user *t)
{
	struct stat made;
	int result = vn_socket_listen(t->name.path, &t->listening);

	if (result == 0 && stat(t->name.path, &made) == 0) {
		t->socket_device = made.st_dev;
		t->socket_inode = made.st_ino;
	}
	return result;
}

static void vhu_close_server(struct vn_vhost_user *t)
{
	struct stat found;

	if (t->listening < 0)
		return;
	if (stat(t->name.path, &found) == 0 &&
	    found.st_dev == t->socket_device && found.st_ino == t->socket_inode)
		unlink(t->name.path);
	close(t->listening);
}

/* The back end releases everything when the connection is closed. */
static int vhu_close(struct vn_transport *transport)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);

	vn_vhost_user_end(t);
	vhu_close_server(t);
	vn_vhost_user_queues_close(t);
	vn_regions_close(&t->regions);
	vn_vectors_close(&t->vectors);
	if (t->error_fd >= 0)
		close(t->error_fd);
	if (transport->event_fd >= 0)
		close(transport->event_fd);
	vn_event_sender_close(&transport->sender);
	vn_lock_release(&t->lock);
	free(t);
	return 0;
}

/* There is no switch for memory: the back end sees what the table has. */
static const struct vn_transport_ops vhost_user_ops = {
	.can = VN_CAN_HEALTH | VN_CAN_PAIRS | VN_CAN_KICK | VN_CAN_RESET | VN_CAN_RECONNECT,
	.features_read = vn_vhost_user_features_read,
	.features_write = vn_vhost_user_features_write,
	.status_read = vn_vhost_user_status_read,
	.status_write = vn_vhost_user_status_write,
	.health = vn_vhost_user_health,
	.config_read = vhu_config_read,
	.queue_max = vn_vhost_user_queue_max,
	.queue_setup = vn_vhost_user_queue_setup,
	.queue_enable = vn_vhost_user_queue_enable,
	.pairs_use = vn_vhost_user_pairs_use,
	.kick = vn_vhost_user_kick,
	.vectors = vhu_vectors,
	.reset = vn_vhost_user_reset,
	.memory_add = vn_vhost_user_memory_add,
	.memory_remove = vn_vhost_user_memory_remove,
	.limits = vn_vhost_user_limits,
	.reconnect = vn_vhost_user_reconnect,
	.resume = vn_vhost_user_resume,
	.events = vhu_events,
	.close = vhu_close,
};

static struct vn_vhost_user *vhu_make_transport(const char *name)
{
	struct vn_vhost_user *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	snprintf(t->full_name, sizeof(t->full_name), "vhost-user:%s", name);
	t->base.ops = &vhost_user_ops;
	t->base.kind = "vhost-user";
	t->base.name = t->full_name;
	t->base.event_fd = -1;
	t->base.removal_fd = -1;
	t->fd = -1;
	t->backend_fd = -1;
	t->listening = -1;
	t->error_fd = -1;
	t->inflight.fd = -1;
	t->lock = VN_LOCK_NONE;
	t->pairs = VHOST_USER_QUEUES_MAX / 2;
	for (unsigned int i = 0; i < VHOST_USER_QUEUES_MAX; i++)
		t->queue[i].kick_fd = t->queue[i].call_fd = -1;
	return t;
}

/* What a back end is not needed for. */
static int vhu_open_descriptors(struct vn_vhost_user *t)
{
	t->base.event_fd = epoll_create1(EPOLL_CLOEXEC);
	if (t->base.event_fd < 0)
		return vn_error_errno(errno, "epoll_create1");
	vn_event_sender_open(&t->base.sender);
	return vn_vhost_user_memory_open(t);
}

int vn_transport_open_vhost_user(const char *name, const struct vn_transport_options *options,
				 struct vn_transport **transport)
{
	struct vn_vhost_user *t = vhu_make_transport(name);
	int result;

	*transport = NULL;
	if (!t)
		return vn_error(ENOMEM, "no memory");
	t->reply_timeout = VN_VHOST_USER_TIMEOUT;
	if (options->reply_timeout_ms != 0)
		t->reply_timeout = options->reply_timeout_ms * VN_MS;
	result = vhu_parse_name(name, &t->name);
	/* Before the back end, or the path, is touched. */
	if (result == 0)
		result = vn_lock_take(t->name.path, &t->lock);
	if (result == 0)
		result = vhu_open_descriptors(t);
	if (result == 0 && t->name.server)
		result = vhu_open_server(t);
	if (result == 0)
		result = vn_vhost_user_begin(t, vn_now() + t->name.wait * 1000ull *
						VN_MS);
	if (result) {
		vn_error_prefix(result, "%s", t->full_name);
		(void)vhu_close(&t->base);
		return result;
	}
	*transport = &t->base;
	return 0;
}
