/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A tap interface of the kernel as peer. Never configures the interface: that is the
 * user's (ip link, ip address).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "softnic/peer/internal.h"

struct tap {
	struct peer peer;
	bool kept; /* the frame received last is to be received again */
	bool reported;
	struct element element;
	uint8_t room[PEER_FRAME_MAX];
	uint8_t bytes[PEER_FRAME_MAX];
};

static int tap_send(struct peer *peer, const struct frame *frame)
{
	struct tap *tap = (struct tap *)peer;
	const uint8_t *bytes = peer_linear(frame, tap->room);

	if (!bytes || write(peer->fd, bytes, frame->length) >= 0)
		return 0;
	if (errno == EAGAIN && peer->device->options->lossless)
		return -EAGAIN;
	/* An interface that is down loses frames, as a wire that is cut. */
	if (errno != EAGAIN && errno != EIO && !tap->reported) {
		tap->reported = true;
		peer_error(-errno, "tap: frames are lost: %s", strerror(errno));
	}
	return 0;
}

static int tap_receive(struct peer *peer, struct frame *frame)
{
	struct tap *tap = (struct tap *)peer;
	ssize_t length = tap->element.length;

	if (!tap->kept)
		length = read(peer->fd, tap->bytes, sizeof(tap->bytes));
	tap->kept = false;
	if (length <= 0)
		return 0;
	tap->element = (struct element){ tap->bytes, (uint32_t)length };
	peer_frame(frame, &tap->element);
	return 1;
}

static void tap_unreceive(struct peer *peer)
{
	((struct tap *)peer)->kept = peer->device->options->lossless;
}

static void tap_close(struct peer *peer)
{
	close(peer->fd);
	free(peer);
}

static const struct peer_ops tap_ops = {
	.send = tap_send,
	.receive = tap_receive,
	.unreceive = tap_unreceive,
	.close = tap_close,
};

static int tap_attach(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), error;

	if (fd < 0)
		return peer_error(-errno, "tap: /dev/net/tun: %s; it needs the module "
				  "tun and CAP_NET_ADMIN", strerror(errno));
	memcpy(request.ifr_name, name, strlen(name));
	if (ioctl(fd, TUNSETIFF, &request) == 0)
		return fd;
	error = errno;
	close(fd);
	return peer_error(-error, "tap: %s: %s; make it with \"ip tuntap add %s mode "
			  "tap user $USER\", and let no other program have it", name,
			  strerror(error), name);
}

int peer_open_tap(const char *text, struct device *device, struct peer **peer)
{
	struct tap *tap;
	int fd;

	if (strlen(text) >= IFNAMSIZ)
		return peer_error(-EINVAL, "tap: \"%s\" is too long for the name of an "
				  "interface (%d characters at most)", text,
				  IFNAMSIZ - 1);
	tap = calloc(1, sizeof(*tap));
	if (!tap)
		return peer_error(-ENOMEM, "tap: no memory");
	fd = tap_attach(text);
	if (fd < 0) {
		free(tap);
		return fd;
	}
	tap->peer = (struct peer){ .ops = &tap_ops, .device = device, .fd = fd };
	*peer = &tap->peer;
	return 0;
}
