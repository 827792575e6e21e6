/* SPDX-License-Identifier: BSD-3-Clause */
/* The device's side of the bus: the socket, configuration space, registers, doorbells,
 * interrupts, and memory of the driver. */
#ifndef SOFTNIC_SERVER_H
#define SOFTNIC_SERVER_H

#include "softnic/device.h"
#include "softnic/vfio_user/dma.h"
#include "softnic/vfio_user/listen.h"
#include "softnic/vfio_user/wire.h"

/* ---- where things are in the BARs ---- */

#define BAR_MSIX 1u
#define BAR_VIRTIO 4u /* and 5: 64 bits */

#define MSIX_BAR_SIZE 0x1000u
#define MSIX_PBA_OFFSET 0x800u

#define COMMON_OFFSET 0x0000u
#define COMMON_SIZE 0x40u
#define ISR_OFFSET 0x1000u
#define ISR_SIZE 0x4u
#define CONFIG_OFFSET 0x2000u
#define NOTIFY_OFFSET 0x4000u /* at least: doorbell_offset */

#define CONFIG_SPACE 256u

/* ---- configuration space: pci.c ---- */

/* cfg_type of a capability: "Virtio Structure PCI Capabilities". */
#define CAP_COMMON 1u
#define CAP_NOTIFY 2u
#define CAP_ISR 3u
#define CAP_DEVICE 4u
#define CAP_PCI 5u
#define CAP_TYPES 6u

/* Within a virtio capability. */
#define CAP_LEN 2u
#define CAP_BAR 4u
#define CAP_OFFSET 8u
#define CAP_LENGTH 12u
#define CAP_EXTRA 16u

#define AT_CAPABILITIES 0x34u /* where the list begins */

struct pci {
	uint8_t byte[CONFIG_SPACE];
	uint8_t writable[CONFIG_SPACE]; /* masks of bits */
	uint8_t end;			/* of the capabilities so far */
	uint8_t last;			/* capability, to link the next one */
	uint8_t msix;			/* where that capability is, 0: nowhere */
	uint8_t virtio[CAP_TYPES];	/* the same, by cfg_type */
};

void pci_open(struct device *device); /* also for each new driver */
void pci_break(struct device *device); /* faults of area A: pci_fault.c */

/* ---- what it is made of: pci_space.c ---- */

/* A field, little-endian whatever the host is. */
void pci_put(uint8_t *at, uint32_t value, unsigned int size);
uint32_t pci_get(const uint8_t *at, unsigned int size);
/* Add a capability to the list. Returns where it is. */
uint8_t pci_add(struct pci *pci, uint8_t id, uint8_t size);
uint8_t pci_add_virtio(struct pci *pci, uint8_t type, uint32_t offset,
		       uint32_t length);
uint64_t bar_size(const struct device *device, unsigned int bar);

/* ---- access: pci.c ---- */

/* `size` bytes at `offset`; inside the space. */
void pci_read(struct device *device, unsigned int offset, void *data,
	      unsigned int size);
void pci_write(struct device *device, unsigned int offset, const void *data,
	       unsigned int size);

/* What the driver can write of it, as it was elsewhere. */
void pci_restore(struct device *device, const uint8_t byte[CONFIG_SPACE]);

/* ---- registers: registers.c, common.c, status.c, reset.c ---- */

struct queue_registers {
	bool vector_unread; /* written, not read back */
	bool was_reset;	    /* on its own, and not enabled since */
	bool reset_unread;  /* the driver has not read queue_reset as 0 */
	unsigned int reset_reads; /* that still show 1 */
	unsigned int written; /* fields, since it was last reset: WROTE_... */
};

#define WROTE_DESCRIPTOR 1u
#define WROTE_DRIVER 2u
#define WROTE_DEVICE 4u
#define WROTE_AREAS 7u

struct registers {
	uint32_t device_feature_select, driver_feature_select;
	struct features wanted; /* as the driver wrote them */
	uint16_t config_vector, queue_select;
	uint8_t isr;
	struct queue_registers queue[QUEUES_MAX];
	/* What the driver did so far, for the checker. */
	bool config_vector_unread;
	bool reset_unread;	 /* reset, and status not read as 0 since */
	bool status_unread;	 /* FEATURES_OK / SUSPEND / resume, not read since */
	bool generation_read, config_unread; /* reads not closed by a generation */
	bool touched;		 /* anything at all: a first reset is no surprise */
	unsigned int reads; /* counted for faults that change from read to read */
	/* For faults that lose one of them. */
	int64_t live_since_ms;	/* DRIVER_OK */
	uint64_t rings, raised; /* doorbells; interrupts of queues */
};

/* The features as a driver sees them, and bytes of the device configuration: offer.c */
void offer_features(struct device *device, struct features *offered);
void offer_config(struct device *device, size_t offset, void *data, size_t size);

/* A register of BAR_VIRTIO; size 1, 2, 4 or 8. */
uint64_t register_read(struct device *device, uint64_t offset, unsigned int size);
void register_write(struct device *device, uint64_t offset, uint64_t value,
		    unsigned int size);

/* The same for the common configuration alone; `offset` within it: common.c */
uint64_t common_read(struct device *device, uint64_t offset, unsigned int size);
void common_write(struct device *device, uint64_t offset, uint64_t value,
		  unsigned int size);

/* Back to the beginning, as after status = 0 or a reset of the function. */
void device_reset(struct device *device, const char *why);
/* Can a modern device work with these features? */
bool status_acceptable(const struct device *device, const struct features *wanted);
/* The features wanted become those accepted. False: refused. */
bool status_negotiate(struct device *device);
uint32_t status_read(struct device *device);
void status_write(struct device *device, uint32_t value);
/* A register that is not status is written: is the driver at that step? */
void check_step(struct device *device, const char *name);
void check_enable(struct queue *queue);
void queue_stop(struct queue *queue);
void queues_remap(struct device *device); /* kept translations of all are void */
bool queue_exists(const struct device *device, unsigned int index);
uint16_t queue_size_max(const struct device *device, unsigned int index);

/* ---- doorbells: doorbell.c ---- */

/* What a doorbell in the page holds before a driver rings: no queue has this index. */
#define SILENT 0xffffffffu

struct notify {
	int page_fd;	/* NOTIFY_PAGE: memory of the BAR */
	uint8_t *page;	/* the notify area of it */
	uint64_t size;	/* of the notify area */
	int event[QUEUES_MAX]; /* NOTIFY_EVENTFD; -1 */
};

/* Of the page in the BAR and in its file: one can be mapped, which on some machines takes 64 KiB. */
uint32_t doorbell_offset(void);
int doorbells_open(struct device *device);
int doorbells_renew(struct device *device); /* no driver from before has these */
void doorbells_close(struct device *device);
void doorbells_reset(struct device *device); /* forget rings that are not served */
uint32_t *doorbell_at(const struct device *device, unsigned int index); /* of the page */
uint16_t doorbell_data(const struct device *device, unsigned int index);

/* ---- notifications that come: notify.c ---- */

void notify_write(struct device *device, uint64_t offset, uint64_t value,
		  unsigned int size);
bool notify_poll(struct device *device);  /* the page; whether anyone rang */
void notify_event(struct queue *queue);	  /* its eventfd is readable */

/* ---- interrupts: interrupt.c ---- */

struct interrupts {
	int msix[VECTORS_MAX];
	int intx, err, req;
	bool intx_masked;
	uint64_t raised;
};

void interrupts_open(struct device *device);
void interrupts_reset(struct device *device); /* closes what the driver gave */
unsigned int interrupts_count(const struct device *device, uint32_t index);
/* `fds` are taken over. 0 or -EINVAL. */
int interrupts_set(struct device *device, const struct irq_set *set,
		   const uint8_t *data, int *fds, unsigned int fd_count);
/* Faults: all vectors at once; their counters to the brim. */
void interrupts_trigger_all(struct device *device);
void interrupts_fill(struct device *device);
bool interrupts_msix_on(const struct device *device);
/* The ERR (IRQ_ERR) or REQ (IRQ_REQ) event. Whether the driver listens. */
bool interrupts_event(struct device *device, uint32_t index);
/* A configuration change, through its vector. */
void interrupts_config_vector(struct device *device);

/* ---- migration: migration.c, and its messages: migrate.c ---- */

struct migration {
	uint32_t state; /* enum vfio_device_state; not RUNNING: device->stopped */
	uint8_t *data;	/* of STOP_COPY: to be read; of RESUMING: written so far */
	size_t size, at;
};

/* To the state `to` of enum vfio_device_state, through STOP if need be. 0; -EINVAL (there is no
 * such way, or the state that came is refused), -EBUSY, -ENOMEM. */
int migration_go(struct device *device, uint32_t to);
void migration_reset(struct device *device); /* RUNNING, nothing kept */

/* ---- the socket: session.c, reply.c, server.c; access.c, device.c, memory.c ---- */

struct server {
	struct listener listener;
	int fd; /* the driver; -1: none */
	bool negotiated;     /* the version */
	uint32_t driver_fds; /* that the driver takes in one message */
	uint8_t *in;	     /* MESSAGE_MAX */
	size_t have;	     /* bytes of the message that is coming */
	int fds[MESSAGE_FDS];
	unsigned int fd_count;
	unsigned int sessions;
	unsigned int resets; /* of status, by this driver */
	uint64_t reset_until; /* until then status does not show it, in ns */
	uint64_t kicks;
	struct dma_space dma;
	struct pci pci;
	struct registers registers;
	struct notify notify;
	struct interrupts interrupts;
	struct migration migration;
};

static inline struct registers *registers_of(const struct device *device)
{
	return &device->server->registers;
}

int server_open(struct device *device); /* 0 or -errno, printed */
void server_close(struct device *device);
void server_accept(struct device *device);
/* Serve what has come. False: the driver has gone. */
bool server_serve(struct device *device);
void server_hang_up(struct device *device, const char *why);

/* A request, while it is served. */
struct request {
	struct message header;
	const uint8_t *data; /* behind the header */
	size_t size;
	int *fds; /* a handler that keeps one puts -1 in its place */
	unsigned int fd_count;
};

/* Close the descriptors that came along, and forget the message. */
void server_drop_message(struct server *server);

/* Answers; `fds` stay the caller's. False: the driver has gone. */
bool reply(struct device *device, const struct request *request,
	   const void *data, size_t size, const int *fds, unsigned int fd_count);
bool reply_error(struct device *device, const struct request *request, int error);

bool serve_version(struct device *device, const struct request *request);
bool serve_device_info(struct device *device, const struct request *request);
bool serve_region_info(struct device *device, const struct request *request);
bool serve_io_fds(struct device *device, const struct request *request);
bool serve_irq_info(struct device *device, const struct request *request);
bool serve_set_irqs(struct device *device, const struct request *request);
bool serve_region_read(struct device *device, const struct request *request);
bool serve_region_write(struct device *device, const struct request *request);
bool serve_write_multi(struct device *device, const struct request *request);
bool serve_dma_map(struct device *device, const struct request *request);
bool serve_dma_unmap(struct device *device, const struct request *request);
bool serve_reset(struct device *device, const struct request *request);
bool serve_feature(struct device *device, const struct request *request);
bool serve_state_read(struct device *device, const struct request *request);
bool serve_state_write(struct device *device, const struct request *request);

#endif
