/* SPDX-License-Identifier: BSD-3-Clause */
/* In place of what the build has left out: asking for it ends the program. */
#include "tools/pktgen/api/api.h"
#include "tools/pktgen/view/view.h"
#include "tools/shared/common.h"

#ifndef VIONET_HTTP
void api_check_address(const char *address)
{
	(void)address;
	refuse_usage("--listen: this vionet was built without it (VIONET_HTTP=OFF); 'vionet --version' "
		     "says what is in");
}

int api_open(struct api **api, const char *address, uint64_t phase_ns, struct generator *generator)
{
	(void)address;
	(void)phase_ns;
	(void)generator;
	*api = NULL;
	return CODE_USAGE;
}

void api_close(struct api *api)
{
	(void)api;
}

int api_fd(const struct api *api)
{
	(void)api;
	return -1;
}

uint64_t api_due(struct api *api)
{
	(void)api;
	return UINT64_MAX;
}

void api_serve(struct api *api)
{
	(void)api;
}

void api_unlink(const struct api *api)
{
	(void)api;
}
#endif

#ifndef VIONET_NCURSES
bool view_is_possible(void)
{
	refuse_usage("--view: this vionet was built without it (VIONET_NCURSES=OFF); 'vionet --version' "
		     "says what is in");
}

int view_open(struct view **view, struct generator *generator)
{
	(void)generator;
	*view = NULL;
	return CODE_USAGE;
}

void view_close(struct view *view)
{
	(void)view;
}

int view_fd(const struct view *view)
{
	(void)view;
	return -1;
}

short view_events(const struct view *view)
{
	(void)view;
	return 0;
}

uint64_t view_due(const struct view *view)
{
	(void)view;
	return UINT64_MAX;
}

void view_serve(struct view *view)
{
	(void)view;
}
#endif
