/* SPDX-License-Identifier: BSD-3-Clause */
/* Layout, link targets and the order of events follow Linux (drivers/base/bus.c,
 * drivers/pci/pci-driver.c) as far as pci/ looks at them. Each call is checked: a failed
 * one ends the test. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pci/host/host.h"
#include "pci/host/sysfs.h"
#include "tests/unit/fake_network.h"
#include "tests/unit/fake_sysfs.h"

#define BUILD(path, format)                                        \
	do {                                                       \
		va_list arguments_;                                \
		int used_ = snprintf(path, FAKE_PATH, "%s/",       \
				     fake->root);                  \
		va_start(arguments_, format);                      \
		vsnprintf(path + used_, FAKE_PATH - (size_t)used_, \
			  format, arguments_);                     \
		va_end(arguments_);                                \
	} while (0)

static void make_directories(const char *path)
{
	char part[FAKE_PATH];

	for (size_t i = 1; i <= strlen(path); i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, path);
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			fail_msg("mkdir %s: %s", part, strerror(errno));
	}
}

static void put_bytes(const char *path, const void *bytes, size_t size)
{
	char directory[FAKE_PATH];
	int fd;

	snprintf(directory, sizeof(directory), "%s", path);
	*strrchr(directory, '/') = '\0';
	make_directories(directory);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		fail_msg("%s: %s", path, strerror(errno));
	close(fd);
}

static void __attribute__((format(printf, 3, 4)))
make_link(struct fake_sysfs *fake, const char *target, const char *format, ...)
{
	char path[FAKE_PATH];

	BUILD(path, format);
	unlink(path);
	if (symlink(target, path) != 0)
		fail_msg("symlink %s: %s", path, strerror(errno));
}

static void __attribute__((format(printf, 2, 3)))
make_directory(struct fake_sysfs *fake, const char *format, ...)
{
	char path[FAKE_PATH];

	BUILD(path, format);
	make_directories(path);
}

void fake_write(struct fake_sysfs *fake, const char *text, const char *format,
		...)
{
	char path[FAKE_PATH];

	BUILD(path, format);
	put_bytes(path, text, strlen(text));
}

const char *fake_read(struct fake_sysfs *fake, const char *format, ...)
{
	static _Thread_local char text[256];
	char path[FAKE_PATH];
	ssize_t length;
	int fd;

	BUILD(path, format);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[length < 0 ? 0 : length] = '\0';
	return text;
}

void fake_spoil(struct fake_sysfs *fake, const char *format, ...)
{
	char path[FAKE_PATH];

	BUILD(path, format);
	unlink(path);
	make_directories(path);
}

const char *fake_driver(struct fake_sysfs *fake, const char *address)
{
	static _Thread_local char target[FAKE_PATH];
	char path[FAKE_PATH + 128];
	ssize_t length;

	snprintf(path, sizeof(path), "%s/bus/%s/devices/%s/driver", fake->sys,
		 fake->bus, address);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return "";
	target[length] = '\0';
	return strrchr(target, '/') + 1;
}

static int remove_one(const char *path, const struct stat *status, int type,
		      struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

/* ---- building ---- */

void fake_create(struct fake_sysfs *fake)
{
#ifdef __GLIBC__
	/* libpci reads its list of names in each listing: keep that memory from one to the next. */
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	mallopt(M_TOP_PAD, 16 << 20);
#endif
	memset(fake, 0, sizeof(*fake));
	pthread_mutex_init(&fake->lock, NULL);
	fake->kernel.default_driver = "virtio-pci";
	fake->bus = "pci";
	strcpy(fake->root, "/tmp/vionet-fake-XXXXXX");
	assert_non_null(mkdtemp(fake->root));
	assert_int_equal(chmod(fake->root, 0755), 0);
	snprintf(fake->sys, sizeof(fake->sys), "%s/sys", fake->root);
	snprintf(fake->vfio, sizeof(fake->vfio), "%s/dev/vfio", fake->root);
	snprintf(fake->proc, sizeof(fake->proc), "%s/proc", fake->root);
	make_directory(fake, "sys/bus/pci/devices");
	make_directory(fake, "sys/kernel/iommu_groups");
	fake_write(fake, "", "proc/mounts");
	fake_write(fake, "1af4  Red Hat, Inc.\n\t1041  Virtio 1.0 network device\n",
		   "pci.ids");
	snprintf(fake->pci_ids, sizeof(fake->pci_ids), "%s/pci.ids", fake->root);
	make_directory(fake, "dev/vfio");
	fake_write(fake, "", "sys/bus/pci/drivers_probe");
	fake_write(fake, "", "dev/vfio/vfio");
	fake_netlink(NULL, 0);
	fake_add_driver(fake, "vfio-pci");
	fake_add_driver(fake, "virtio-pci");
	vn_sysfs_set_root(fake->sys);
	fake_network_forget();
	vn_host = (struct vn_host){
		.vfio = fake->vfio,
		.proc = fake->proc,
		.pci_ids = fake->pci_ids, /* libpci's own takes 15 ms to read */
		.modprobe_ms = 2000,
		.wait_ms = 1000,
		.addresses = fake_addresses,
		.addresses_free = fake_addresses_free,
		.netlink = fake_ask,
	};
}

void fake_destroy(struct fake_sysfs *fake)
{
	fake_stop(fake);
	nftw(fake->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void fake_add_driver(struct fake_sysfs *fake, const char *driver)
{
	fake_write(fake, "", "sys/bus/pci/drivers/%s/bind", driver);
	fake_write(fake, "", "sys/bus/pci/drivers/%s/unbind", driver);
}

static void put16(uint8_t *bytes, uint32_t value)
{
	bytes[0] = value & 0xff;
	bytes[1] = value >> 8 & 0xff;
}

/* A configuration space with a capability list: one that is not virtio's, then
 * common configuration. */
static void add_config(struct fake_sysfs *fake,
		       const struct fake_function *function)
{
	uint8_t config[256] = { 0 };
	char path[FAKE_PATH + 128];

	put16(config, function->vendor);
	put16(config + 2, function->device);
	if (!function->legacy) {
		config[6] = 0x10;
		config[0x34] = 0x40;
		config[0x40] = 0x11;
		config[0x41] = 0x84;
		config[0x84] = 0x09;
		config[0x86] = 16;
		config[0x87] = 1;
	}
	if (function->silent)
		memset(config, 0xff, sizeof(config));
	if (function->virtual)
		memset(config, 0xff, 4);
	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/config", fake->sys,
		 function->address);
	put_bytes(path, config, function->hidden ? 64 : 256);
}

static void add_numbers(struct fake_sysfs *fake,
			const struct fake_function *function)
{
	const struct {
		const char *name;
		const char *format;
		unsigned int value;
	} file[] = {
		{ "vendor", "0x%04x\n", function->vendor },
		{ "device", "0x%04x\n", function->device },
		{ "class", "0x%06x\n", function->class },
		{ "subsystem_vendor", "0x%04x\n", 0x1af4 },
		{ "subsystem_device", "0x%04x\n",
		  function->subsystem ? function->subsystem : 0x1100 },
		{ "revision", "0x%02x\n", 1 },
		{ "irq", "%u\n", 11 },
		{ "numa_node", "%u\n", 1 },
	};
	char text[32];

	for (size_t i = 0; i < sizeof(file) / sizeof(file[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof(text), file[i].format, file[i].value);
#pragma GCC diagnostic pop
		fake_write(fake, text, "sys/bus/pci/devices/%s/%s",
			   function->address, file[i].name);
	}
}

static void add_group(struct fake_sysfs *fake,
		      const struct fake_function *function)
{
	char target[FAKE_PATH];

	if (function->group < 0)
		return;
	make_directory(fake, "sys/kernel/iommu_groups/%d/devices",
		       function->group);
	snprintf(target, sizeof(target), "../../../../bus/pci/devices/%s",
		 function->address);
	make_link(fake, target, "sys/kernel/iommu_groups/%d/devices/%s",
		  function->group, function->address);
	snprintf(target, sizeof(target), "../../../../kernel/iommu_groups/%d",
		 function->group);
	make_link(fake, target, "sys/bus/pci/devices/%s/iommu_group",
		  function->address);
	if (function->group_name != NULL)
		fake_write(fake, function->group_name,
			   "sys/kernel/iommu_groups/%d/name", function->group);
	fake_write(fake, "", "dev/vfio/%d", function->group);
}

static void add_interface(struct fake_sysfs *fake,
			  const struct fake_function *function)
{
	if (function->interface == NULL)
		return;
	make_directory(fake, "sys/bus/pci/devices/%s/%snet/%s",
		       function->address,
		       function->plain_net ? "" : "virtio3/",
		       function->interface);
	fake_write(fake, "4\n", "sys/class/net/%s/ifindex", function->interface);
}

void fake_add_vfio_dev(struct fake_sysfs *fake, const char *address, const char *name)
{
	make_directory(fake, "sys/bus/pci/devices/%s/vfio-dev/%s", address, name);
}

void fake_add_core_user(struct fake_sysfs *fake, const char *driver,
			const char *module)
{
	char target[FAKE_PATH];

	fake_add_driver(fake, driver);
	make_directory(fake, "sys/module/vfio_pci_core/holders/%s", module);
	snprintf(target, sizeof(target), "../../../../module/%s", module);
	make_link(fake, target, "sys/bus/pci/drivers/%s/module", driver);
}

void fake_add_vfs(struct fake_sysfs *fake, const char *address,
		  const char *const *vfs, unsigned int count)
{
	char text[64];

	snprintf(text, sizeof(text), "%u\n", count);
	fake_write(fake, text, "sys/bus/pci/devices/%s/sriov_numvfs", address);
	for (unsigned int i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "../%s", vfs[i]);
		make_link(fake, text, "sys/bus/pci/devices/%s/virtfn%u", address, i);
	}
}

void fake_add_function(struct fake_sysfs *fake,
		       const struct fake_function *given)
{
	struct fake_function function = *given;

	if (function.vendor == 0)
		function.vendor = 0x1af4;
	if (function.device == 0)
		function.device = 0x1041;
	if (function.class == 0)
		function.class = 0x020000;
	add_numbers(fake, &function);
	add_config(fake, &function);
	add_group(fake, &function);
	add_interface(fake, &function);
	fake_write(fake, function.override ? function.override : "(null)\n",
		   "sys/bus/pci/devices/%s/driver_override", function.address);
	if (function.driver != NULL)
		fake_bind(fake, function.address, function.driver);
}

void fake_bind(struct fake_sysfs *fake, const char *address, const char *driver)
{
	char path[FAKE_PATH + 128];

	if (driver != NULL) {
		snprintf(path, sizeof(path), "../../../../bus/%s/drivers/%s",
			 fake->bus, driver);
		make_link(fake, path, "sys/bus/%s/devices/%s/driver", fake->bus, address);
		return;
	}
	snprintf(path, sizeof(path), "%s/bus/%s/devices/%s/driver", fake->sys,
		 fake->bus, address);
	unlink(path);
	/* What VFIO had registered goes with its driver. */
	snprintf(path, sizeof(path), "%s/bus/%s/devices/%s/vfio-dev", fake->sys,
		 fake->bus, address);
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- the kernel ---- */

static bool same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static void note(struct fake_sysfs *fake, const char *event, const char *driver)
{
	size_t used = strlen(fake->log);

	snprintf(fake->log + used, sizeof(fake->log) - used, "%s%s%s;", event,
		 driver[0] ? " " : "", driver);
	if (fake->kernel.before != NULL)
		fake->kernel.before(fake->log + used);
}

const char *fake_log(struct fake_sysfs *fake)
{
	static char copy[sizeof(fake->log)];

	pthread_mutex_lock(&fake->lock);
	strcpy(copy, fake->log);
	pthread_mutex_unlock(&fake->lock);
	return copy;
}

void fake_clear_log(struct fake_sysfs *fake)
{
	pthread_mutex_lock(&fake->lock);
	fake->log[0] = '\0';
	pthread_mutex_unlock(&fake->lock);
}

/* What was written to an attribute, "" if nothing; taken away. */
static void take(struct fake_sysfs *fake, char text[64], const char *path)
{
	snprintf(text, 64, "%.63s", fake_read(fake, "%s", path));
	text[strcspn(text, "\n")] = '\0';
	if (text[0] != '\0')
		fake_write(fake, "", "%s", path);
}

/* driver_override decides alone if it is set; else the id table does. */
static bool matches(struct fake_sysfs *fake, const char *address,
		    const char *driver)
{
	char name[64];

	snprintf(name, sizeof(name), "%.63s",
		 fake_read(fake, "sys/bus/%s/devices/%s/driver_override",
			   fake->bus, address));
	name[strcspn(name, "\n")] = '\0';
	if (name[0] != '\0' && strcmp(name, "(null)") != 0)
		return same(name, driver);
	return same(fake->kernel.default_driver, driver);
}

static void try_bind(struct fake_sysfs *fake, const char *address,
		     const char *driver)
{
	char path[FAKE_PATH + 128];

	snprintf(path, sizeof(path), "%s/bus/%s/devices/%s", fake->sys, fake->bus, address);
	if (access(path, F_OK) != 0 || fake_driver(fake, address)[0] != '\0' ||
	    !matches(fake, address, driver) ||
	    same(fake->kernel.refuses, driver) ||
	    same(fake->kernel.refuses_too, driver))
		return;
	fake_bind(fake, address, driver);
}

static void serve_driver(struct fake_sysfs *fake, const char *driver)
{
	char path[FAKE_PATH], address[64];

	snprintf(path, sizeof(path), "sys/bus/%s/drivers/%s/unbind", fake->bus, driver);
	take(fake, address, path);
	if (address[0] != '\0') {
		note(fake, "unbind", driver);
		if (same(fake_driver(fake, address), driver) &&
		    !same(fake->kernel.clings, driver))
			fake_bind(fake, address, NULL);
	}
	snprintf(path, sizeof(path), "sys/bus/%s/drivers/%s/bind", fake->bus, driver);
	take(fake, address, path);
	if (address[0] != '\0') {
		note(fake, "bind", driver);
		try_bind(fake, address, driver);
	}
}

static void each_driver(struct fake_sysfs *fake,
			void (*serve)(struct fake_sysfs *fake,
				      const char *driver))
{
	char path[FAKE_PATH + 32];
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "%s/bus/%s/drivers", fake->sys, fake->bus);
	directory = opendir(path);
	while (directory != NULL && (entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.')
			serve(fake, entry->d_name);
	if (directory != NULL)
		closedir(directory);
}

static _Thread_local char probed[64];

static void probe_driver(struct fake_sysfs *fake, const char *driver)
{
	try_bind(fake, probed, driver);
}

void fake_serve(struct fake_sysfs *fake)
{
	char path[FAKE_PATH];

	each_driver(fake, serve_driver);
	snprintf(path, sizeof(path), "sys/bus/%s/drivers_probe", fake->bus);
	take(fake, probed, path);
	if (probed[0] == '\0')
		return;
	note(fake, "probe", "");
	each_driver(fake, probe_driver);
	if (fake->kernel.locks != NULL)
		fake_spoil(fake, "%s", fake->kernel.locks);
}

static void *answer(void *argument)
{
	struct fake_sysfs *fake = argument;

	while (!fake->stop) {
		pthread_mutex_lock(&fake->lock);
		fake_serve(fake);
		pthread_mutex_unlock(&fake->lock);
		usleep(1000);
	}
	return NULL;
}

void fake_start(struct fake_sysfs *fake)
{
	fake->stop = false;
	assert_int_equal(pthread_create(&fake->thread, NULL, answer, fake), 0);
	fake->running = true;
}

void fake_stop(struct fake_sysfs *fake)
{
	if (!fake->running)
		return;
	fake->stop = true;
	pthread_join(fake->thread, NULL);
	fake->running = false;
}
