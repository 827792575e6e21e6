/* SPDX-License-Identifier: BSD-3-Clause */
/* A host made of plain files (sysfs, /dev/vfio, /proc) in a temporary directory, and a
 * thread that handles writes to them as the kernel would. It shares no code with pci/,
 * and does not touch the machine's own sysfs. */
#ifndef FAKE_SYSFS_H
#define FAKE_SYSFS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_PATH 600

/* One function to make. Zero and NULL mean the usual: 1af4:1041 of class
 * 0x020000 with 256 bytes of configuration space. */
struct fake_function {
	const char *address;
	uint16_t vendor, device;
	uint32_t class;
	int group;		 /* -1: none; made if it is not there */
	const char *group_name;	 /* content of its name file */
	const char *driver;	 /* NULL: unbound */
	const char *interface;	 /* NULL: none */
	bool plain_net;		 /* net/ without virtioN/ before it */
	bool legacy;		 /* no virtio capabilities */
	bool hidden;		 /* 64 bytes of configuration space */
	const char *override;	 /* content of driver_override */
	bool silent;		 /* configuration space is all-ones */
	bool virtual;		 /* a virtual function: its ids alone are */
	unsigned int subsystem;	 /* 0: 0x1100 */
};

/* Faults of the kernel of this host. */
struct fake_kernel {
	const char *refuses;	/* driver whose probe fails */
	const char *refuses_too;
	const char *clings;	/* driver whose unbind does nothing */
	const char *default_driver; /* matches by id: "virtio-pci"; NULL: none */
	const char *locks;	    /* attribute that cannot be written to after a probe */
	void (*before)(const char *event); /* what else happens, as of fake_log; NULL */
};

struct fake_sysfs {
	char root[64];		/* the temporary directory */
	char sys[FAKE_PATH];	/* ROOT/sys, and so on */
	char vfio[FAKE_PATH];
	char proc[FAKE_PATH];
	char pci_ids[FAKE_PATH];
	const char *bus; /* whose drivers are served: "pci" */
	struct fake_kernel kernel;
	pthread_t thread;
	bool running;
	_Atomic bool stop;
	pthread_mutex_t lock; /* of log; held while a write is handled */
	char log[1024];
};

/* Make a host with vfio-pci and virtio-pci but without functions, and point
 * pci/ to it. */
void fake_create(struct fake_sysfs *fake);
void fake_destroy(struct fake_sysfs *fake);

void fake_add_driver(struct fake_sysfs *fake, const char *driver);
void fake_add_function(struct fake_sysfs *fake,
		       const struct fake_function *function);
/* Make the driver link by hand; NULL: remove it. */
void fake_bind(struct fake_sysfs *fake, const char *address,
	       const char *driver);

/* Start and stop handling writes; or handle those that there are, in this thread. */
void fake_serve(struct fake_sysfs *fake);
void fake_start(struct fake_sysfs *fake);
void fake_stop(struct fake_sysfs *fake);
/* Handle what was written so far, without the thread. */
void fake_serve(struct fake_sysfs *fake);

/* What was handled so far: "unbind virtio-pci;probe;..." (static buffer). */
const char *fake_log(struct fake_sysfs *fake);
void fake_clear_log(struct fake_sysfs *fake);

/* Files below ROOT: write, read (static buffer, "" if missing), remove, or
 * replace by a directory so that opening for writing fails even for root. */
void fake_write(struct fake_sysfs *fake, const char *text, const char *format,
		...) __attribute__((format(printf, 3, 4)));
const char *fake_read(struct fake_sysfs *fake, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void fake_spoil(struct fake_sysfs *fake, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Name of the driver bound to the function (static buffer), "" if none. */
const char *fake_driver(struct fake_sysfs *fake, const char *address);

/* Make the function one that VFIO has registered (its vfio-dev folder); the other
 * way to know: a module that is built on vfio-pci's core. */
void fake_add_vfio_dev(struct fake_sysfs *fake, const char *address, const char *name);
void fake_add_core_user(struct fake_sysfs *fake, const char *driver,
			const char *module);
/* Virtual functions of a physical one, at these addresses. */
void fake_add_vfs(struct fake_sysfs *fake, const char *address,
		  const char *const *vfs, unsigned int count);

/* The replies of rtnetlink: messages as bytes, in order, to a request of that type
 * (RTM_GETROUTE, ...) and, for links, that namespace (-1: this one). NULL: nothing. */
struct fake_reply {
	unsigned int type;
	int family;    /* of routes */
	int space;     /* of links */
	const void *bytes;
	size_t size;
	int result;    /* what the request ends with */
};
void fake_netlink(const struct fake_reply *replies, size_t count);

/* An interface for the fake getifaddrs: `up`, and an address or NULL. Replaces
 * the one before. */
void fake_interface(const char *name, bool up, const char *address);

#endif
