/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between a vfio-user client and the software device: a thread that passes each message
 * on, and lets the test change it. Of the protocol it knows the header, and
 * where in a few messages descriptors belong; written from the protocol's text, it shares
 * no header, constant or structure of the client.
 *
 * The device is a process of its own (VIONET_SOFTNIC in the environment names its
 * program). It checks its driver: what it reports in the end is checked when the proxy is
 * destroyed.
 */
#ifndef VIONET_TESTS_VFIO_USER_PROXY_H
#define VIONET_TESTS_VFIO_USER_PROXY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROXY_ROOM (1u << 17)
#define PROXY_FDS 300
#define PROXY_WINDOWS 64

/* The device's BAR with the registers, and the doorbells in it, 4 bytes each. */
#define PROXY_REGION 4u
#define PROXY_BAR_SIZE 0x8000u
#define PROXY_NOTIFY 0x4000u

/* Commands, as the text numbers them. */
enum {
	VFU_VERSION = 1,
	VFU_DMA_MAP,
	VFU_DMA_UNMAP,
	VFU_DEVICE_INFO,
	VFU_REGION_INFO,
	VFU_REGION_IO_FDS,
	VFU_IRQ_INFO,
	VFU_SET_IRQS,
	VFU_REGION_READ,
	VFU_REGION_WRITE,
	VFU_DMA_READ,
	VFU_DMA_WRITE,
	VFU_DEVICE_RESET,
	VFU_FEATURE = 16,
	VFU_STATE_READ,
	VFU_STATE_WRITE,
	VFU_END,
};

/* "Header": flags */
enum { VFU_REPLY = 1, VFU_NO_REPLY = 0x10, VFU_ERROR = 0x20 };

struct proxy_message {
	uint16_t id, command;
	uint32_t size; /* as it is claimed; 0: as it is */
	uint32_t flags, error;
	uint8_t body[PROXY_ROOM];
	size_t length;
	int fds[PROXY_FDS]; /* that are sent; those that came are closed afterwards */
	unsigned int fd_count;
	int came[PROXY_FDS];
	unsigned int came_count;
	/* For replies. */
	bool silent;  /* not sent at all */
	bool hang_up; /* connection closed afterwards */
	size_t cut;   /* only this many bytes are sent; 0: all */
};

/* Memory that the client gave to the device. */
struct proxy_window {
	bool used, writable;
	uint64_t address, size, offset;
	int fd;	   /* a duplicate of the one that came */
	int flags; /* its open flags */
	int seals;
};

struct proxy;

/* Changes a reply. In the proxy's thread, the lock held. */
typedef void (*proxy_hook)(struct proxy *proxy, const struct proxy_message *request,
			   struct proxy_message *reply);

struct proxy {
	char path[64]; /* where the client connects */

	/* Set before it is started. */
	const char *options[8]; /* of the device, besides those that it always has */
	const char *json;	/* what the version's reply says; NULL: as it is */
	int bar_fd;		/* takes the place of the mapped BAR; -1: as it is */
	int doorbell[3];	/* take the place of doorbells' eventfds; -1: as it is */
	bool violates;		/* the test does what no driver may do */

	proxy_hook hook;
	/* The same for a request. False: the device does not get it, and the reply repeats
	 * its first 16 bytes, which is right for a region write. */
	bool (*on_request)(struct proxy *proxy, struct proxy_message *request);
	int number; /* for the hooks */

	/* What it has seen; under the lock. */
	pthread_mutex_t lock;
	unsigned int count[VFU_END]; /* commands of the client */
	unsigned int messages, ended;
	unsigned int most_fds;	    /* in one message */
	unsigned int doorbells;	    /* that came as messages */
	unsigned int unmapped_live; /* unmapped while bus mastering was on */
	bool bus_master;
	uint8_t status; /* as it was written last */
	struct proxy_window window[PROXY_WINDOWS];
	int irq[5][16]; /* eventfds by kind and number, -1 */

	/* Its own. */
	char folder[32], device_path[64];
	pid_t device;
	int output; /* of the device */
	int listen_fd, wake_fd;
	int fd, device_fd; /* the client and the device, -1 */
	bool stop;
	void (*job)(struct proxy *proxy);
	bool job_done;
	pthread_t thread;
	struct proxy_message request, reply;
};

/* Make one in a folder of its own. Change it, then start it, and a device behind it. */
struct proxy *proxy_create(void);
void proxy_start(struct proxy *proxy);

/* It ends, and the device: which found nothing wrong with its driver, unless `violates`. */
void proxy_destroy(struct proxy *proxy);

/* Have the proxy's thread do something while the client may be idle. */
void proxy_job(struct proxy *proxy, void (*job)(struct proxy *proxy));
bool proxy_job_done(struct proxy *proxy);

/* In a hook or job: a command to the client and its reply. Returns the error that the
 * client answers with, 0, or -1 (wrong reply, or none). */
int proxy_request(struct proxy *proxy, uint16_t command, uint64_t address, uint64_t count,
		  void *data, size_t size);

/* Send a message to the client, whatever is in it. Whether the client is still there. */
bool proxy_send(struct proxy *proxy, struct proxy_message *message);

/* Wait until the client has closed the connection. */
bool proxy_ended(struct proxy *proxy);

void vfu_put16(uint8_t *at, uint16_t value);
void vfu_put32(uint8_t *at, uint32_t value);
void vfu_put64(uint8_t *at, uint64_t value);
uint32_t vfu_get32(const uint8_t *at);
uint64_t vfu_get64(const uint8_t *at);

#endif
