/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/shared/common.h"

/* As sd_listen_fds(3) has it. */
#define LISTEN_FDS_START 3
#define FD_MAX 1048575

static const char *const fd_names[] = { "device", "iommufd", "group", "container" };

static int fds_refuse(struct parse_error *error, const char *format, const char *what)
{
	char reason[sizeof(error->text) - 100];

	snprintf(reason, sizeof(reason), format, what);
	snprintf(error->text, sizeof(error->text),
		 "--fds: %s; 'listen' or two of device=N, iommufd=N, group=N, container=N are wanted",
		 reason);
	return -EINVAL;
}

/* Puts descriptor `number` in if the name is one of ours. Returns whether it is. */
static bool fds_put(struct vionet_device_fds *fds, const char *name, size_t length, int number)
{
	int32_t *const places[] = { &fds->device, &fds->iommufd, &fds->group, &fds->container };

	for (unsigned int i = 0; i < sizeof(fd_names) / sizeof(fd_names[0]); i++) {
		if (strlen(fd_names[i]) != length || strncmp(fd_names[i], name, length) != 0)
			continue;
		*places[i] = number;
		fds->given |= 1u << i;
		return true;
	}
	return false;
}

static bool fds_number(const char *text, int *number)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	*number = (int)value;
	return text[0] >= '0' && text[0] <= '9' && value <= FD_MAX &&
	       (*end == '\0' || *end == ',');
}

/* Now: later the number may be one of this process's own. */
static int fds_check_open(const struct vionet_device_fds *fds, struct parse_error *error)
{
	const int32_t numbers[] = { fds->device, fds->iommufd, fds->group, fds->container };

	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if ((fds->given & 1u << i) == 0 || fcntl(numbers[i], F_GETFD) >= 0)
			continue;
		snprintf(error->text, sizeof(error->text),
			 "--fds: descriptor %d, for the %s, is not open in this process; open it "
			 "without close-on-exec in the program that starts this one",
			 numbers[i], fd_names[i]);
		return -EINVAL;
	}
	return 0;
}

static int fds_list(const char *argument, struct vionet_device_fds *fds,
		    struct parse_error *error)
{
	for (const char *at = argument; at != NULL; at = strchr(at, ',')) {
		const char *equals;
		uint32_t before = fds->given;
		int number;

		at += at != argument; /* behind the comma */
		equals = strchr(at, '=');
		if (equals == NULL || !fds_number(equals + 1, &number) ||
		    !fds_put(fds, at, (size_t)(equals - at), number))
			return fds_refuse(error, "'%.40s' is none", clean(at));
		if (fds->given == before)
			return fds_refuse(error, "'%.40s': it is named twice", clean(at));
	}
	return 0;
}

static int fds_listen(struct vionet_device_fds *fds, struct parse_error *error)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	const char *name = getenv("LISTEN_FDNAMES");
	int number, last;

	if (count == NULL || !fds_number(count, &last) || name == NULL)
		return fds_refuse(error, "%s not set, or no number",
				  name == NULL ? "LISTEN_FDNAMES is" : "LISTEN_FDS is");
	if (pid != NULL && strtol(pid, NULL, 10) != (long)getpid())
		return fds_refuse(error, "LISTEN_PID is %.20s, another process", clean(pid));
	for (number = LISTEN_FDS_START; number < LISTEN_FDS_START + last && *name != '\0'; number++) {
		size_t length = strcspn(name, ":");

		(void)fds_put(fds, name, length, number);
		name += length + (name[length] == ':');
	}
	return fds->given != 0 ? 0 : fds_refuse(error, "LISTEN_FDNAMES names none of a device%s", "");
}

int parse_fds(const char *argument, struct vionet_device_fds *fds, struct parse_error *error)
{
	int result;

	VIONET_INIT(fds);
	result = strcmp(argument, "listen") == 0 ? fds_listen(fds, error) : fds_list(argument, fds, error);
	return result != 0 ? result : fds_check_open(fds, error);
}
