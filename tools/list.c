/* SPDX-License-Identifier: BSD-3-Clause */
/* `vionet list`, `vionet bind` and `vionet unbind`. */
#include <string.h>
#include <unistd.h>

#include <vionet/error.h>
#include <vionet/pci.h>
#include <vionet/vdpa.h>

#include "tools/json_list.h"
#include "tools/shared/common.h"
#include "tools/shared/vf_token.h"
#include "tools/shared/vdpa_list.h"
#include "tools/shared/vdpa_parents.h"

#define COLUMNS 7
#define CELL_MAX 132
#define VDPA_MAX 64

enum { KEY_JSON = 0x100,
       KEY_FORCE,
       KEY_GROUP,
       KEY_NO_IOMMU,
       KEY_VF_TOKEN,
       KEY_DRIVER };

/* Widths of the columns as wide as their longest cell. */
struct table {
	size_t width[COLUMNS];
};

static const char *const headings[COLUMNS] = {
	"ADDRESS", "DEVICE", "DRIVER", "INTERFACE", "GROUP", "NODE", "DRIVABLE",
};

static void list_number_or_dash(int number, char *cell)
{
	if (number < 0)
		strcpy(cell, "-");
	else
		snprintf(cell, CELL_MAX, "%d", number);
}

static const char *list_or_dash(const char *text)
{
	return text[0] != '\0' ? text : "-";
}

static void list_fill_row(const struct vionet_pci_function *function,
			  char cells[COLUMNS][CELL_MAX])
{
	snprintf(cells[0], CELL_MAX, "%s", function->address);
	if (function->device_name[0] != '\0')
		snprintf(cells[1], CELL_MAX, "%s", function->device_name);
	else
		snprintf(cells[1], CELL_MAX, "%04x:%04x", function->vendor_id,
			 function->device_id);
	snprintf(cells[2], CELL_MAX, "%s", list_or_dash(function->driver));
	snprintf(cells[3], CELL_MAX, "%s", list_or_dash(function->interface));
	list_number_or_dash(function->iommu_group, cells[4]);
	list_number_or_dash(function->numa_node, cells[5]);
	snprintf(cells[6], CELL_MAX, "%s", function->drivable ? "yes" : "no");
}

static void list_widen(struct table *table, char cells[COLUMNS][CELL_MAX])
{
	for (int i = 0; i < COLUMNS; i++)
		if (strlen(cells[i]) > table->width[i])
			table->width[i] = strlen(cells[i]);
}

static void list_print_row(const struct table *table, char cells[COLUMNS][CELL_MAX])
{
	for (int i = 0; i < COLUMNS - 1; i++)
		printf("%-*s  ", (int)table->width[i], cells[i]);
	printf("%s\n", cells[COLUMNS - 1]);
}

static void list_print_table(const struct vionet_pci_function *list, size_t count)
{
	char cells[COLUMNS][CELL_MAX], clause[REMEDY_CLAUSE_MAX];
	struct table table = { 0 };

	for (size_t i = 0; i < count; i++) {
		list_fill_row(&list[i], cells);
		list_widen(&table, cells);
	}
	for (int i = 0; i < COLUMNS; i++)
		snprintf(cells[i], CELL_MAX, "%s", headings[i]);
	list_widen(&table, cells);
	list_print_row(&table, cells);
	for (size_t i = 0; i < count; i++) {
		list_fill_row(&list[i], cells);
		list_print_row(&table, cells);
		if (list[i].reason[0] != '\0')
			printf("    %s%s\n", list[i].reason,
			       remedy_clause(list[i].remedy, list[i].address, clause));
	}
}

/* A line for each, and what to do below it. */
static void list_print_vdpa(const struct vdpa_device *devices, size_t count)
{
	char remedy[4 * VDPA_NAME_MAX];

	for (size_t i = 0; i < count; i++) {
		const struct vdpa_device *d = &devices[i];

		printf("%s%s: vDPA device of %s, driver %s", d->node[0] ? "vhost-vdpa:/dev/" : "",
		       d->node[0] ? d->node : d->name, d->parent[0] ? d->parent : "no parent",
		       d->driver[0] ? d->driver : "none");
		if (d->node[0])
			printf(", name %s", d->name);
		putchar('\n');
		if (vdpa_list_remedy(d, remedy, sizeof(remedy))[0] != '\0')
			printf("    %s\n", remedy);
	}
}

/* What could make one, and how. */
static void list_print_parents(const struct vdpa_parent *parents, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		printf("%s: makes vDPA devices", clean(parents[i].name));
		if (parents[i].queues != 0)
			printf(" of up to %u queues", parents[i].queues);
		printf("\n    as root: vdpa dev add name vdpa0 mgmtdev %s\n", clean(parents[i].name));
	}
}

static error_t list_parse_option(int key, char *argument, struct argp_state *state)
{
	bool *json = state->input;

	switch (key) {
	case KEY_JSON:
		*json = true;
		return 0;
	case ARGP_KEY_ARG:
		refuse_usage("list: '%.40s' is not wanted: it lists every function",
			     argument);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp list_argp = {
	.options = (const struct argp_option[]){
		{ "json", KEY_JSON, NULL, 0, "A JSON object", 0 },
		{ 0 },
	},
	.parser = list_parse_option,
	.doc = "List the virtio-net functions and the vDPA devices of this machine, why one "
	       "cannot be driven, and what could make a vDPA device.",
};

int command_list(int argc, char **argv)
{
	static struct vdpa_device vdpa[VDPA_MAX];
	static struct vdpa_parent parents[VDPA_MAX];
	struct vionet_pci_function *list;
	bool json = false;
	size_t count, vdpa_count, parent_count;
	int result;

	parse_arguments(&list_argp, "list", argc, argv, &json);
	result = vionet_pci_list(&list, sizeof(*list), &count);
	if (result != 0) {
		say_error(result);
		return code_of_open(result);
	}
	vdpa_count = vdpa_list_read("/sys", vdpa, VDPA_MAX);
	if (vdpa_count > VDPA_MAX)
		vdpa_count = VDPA_MAX;
	parent_count = vdpa_parents_read(parents, VDPA_MAX);
	if (json) {
		result = json_print_list(&(struct list_report){ list, count, vdpa, vdpa_count,
								parents, parent_count });
		vionet_pci_list_free(list);
		return result;
	}
	if (count > 0)
		list_print_table(list, count);
	else if (vdpa_count + parent_count == 0)
		fputs("No virtio-net function on this machine; other NICs (Intel, "
		      "Mellanox, ...) are not\ndriven. A device behind a socket is "
		      "not listed: vfio-user:PATH, vhost-user:PATH\n",
		      stderr);
	list_print_vdpa(vdpa, vdpa_count);
	list_print_parents(parents, parent_count);
	vionet_pci_list_free(list);
	return finish_output(stdout, "standard output");
}

/* ---- bind and unbind ---- */

#define ADDRESSES_MAX 256

struct bind_options {
	const char *address[ADDRESSES_MAX];
	size_t count;
	size_t vdpa; /* of them: vDPA devices */
	const char *driver;
	const char *vf_token; /* or "new" */
	unsigned int flags;
};

static bool list_is_vdpa(const char *address)
{
	char path[300];

	if (strncmp(address, "vhost-vdpa:", 11) == 0)
		return true;
	if (address[0] == '\0' || strchr(address, '/') != NULL || strchr(address, ':') != NULL)
		return false;
	snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/%.200s", address);
	return access(path, F_OK) == 0;
}

static void list_add_address(struct bind_options *options, const char *address)
{
	if (options->count == ADDRESSES_MAX)
		refuse_usage("at most %d functions at once", ADDRESSES_MAX);
	if (list_is_vdpa(address))
		options->vdpa++;
	else if (strpbrk(address, ":/") == NULL)
		refuse_usage("\"%.40s\" is no PCI address, as 0000:00:04.0, and no vDPA device of this "
			     "machine; 'vionet list' shows both",
			     address);
	if (strstr(address, "-user:") != NULL)
		refuse_usage("'%.140s' is a server's socket, and no PCI function "
			     "that a kernel driver could have; use it as it is",
			     address);
	options->address[options->count++] = address;
}

/* The options that a command does not list never come. */
static error_t list_parse_bind_option(int key, char *argument, struct argp_state *state)
{
	struct bind_options *options = state->input;

	switch (key) {
	case KEY_FORCE:
		options->flags |= VIONET_PCI_BIND_FORCE;
		return 0;
	case KEY_GROUP:
		options->flags |= VIONET_PCI_BIND_GROUP;
		return 0;
	case KEY_NO_IOMMU:
		options->flags |= VIONET_PCI_BIND_NO_IOMMU;
		return 0;
	case KEY_VF_TOKEN:
		if (!vf_token_valid(argument))
			refuse_usage("--vf-token '%.40s': a UUID is wanted, or 'new'", clean(argument));
		options->vf_token = argument;
		return 0;
	case KEY_DRIVER:
		if (argument[0] == '\0' || strchr(argument, '/') != NULL)
			refuse_usage("--driver: the name of a kernel driver is wanted, "
				     "such as virtio-pci");
		options->driver = argument;
		return 0;
	case ARGP_KEY_ARG:
		list_add_address(options, argument);
		return 0;
	case ARGP_KEY_END:
		if (options->count == 0)
			refuse_usage("no PCI address given; 'vionet list' shows them");
		if (options->vdpa == 0)
			return 0;
		if (options->vdpa != options->count)
			refuse_usage("PCI functions and vDPA devices: one kind at a time");
		if (options->driver != NULL || (options->flags & VIONET_PCI_BIND_GROUP) != 0)
			refuse_usage("--driver and --group are for PCI functions; leave them out");
		if (options->vf_token != NULL || (options->flags & VIONET_PCI_BIND_NO_IOMMU) != 0)
			refuse_usage("--vf-token and --no-iommu are for PCI functions; leave them out");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp bind_argp = {
	.options = (const struct argp_option[]){
		{ "force", KEY_FORCE, NULL, 0,
		  "Even if its network interface is in use, or it has virtual "
		  "functions",
		  0 },
		{ "group", KEY_GROUP, NULL, 0,
		  "With the other virtio-net functions of its IOMMU group", 0 },
		{ "vf-token", KEY_VF_TOKEN, "UUID", 0,
		  "Put this VF token on a physical SR-IOV function; new: a random one, which is printed",
		  0 },
		{ "no-iommu", KEY_NO_IOMMU, NULL, 0,
		  "A function that has no IOMMU, for commands with --no-iommu", 0 },
		{ 0 },
	},
	.parser = list_parse_bind_option,
	.args_doc = "ADDRESS...",
	.doc = "Take virtio-net functions from their kernel drivers and give them to "
	       "vfio-pci: all or none. A vDPA device, by its name or its node, goes from "
	       "virtio_vdpa to vhost_vdpa.",
};

static const struct argp unbind_argp = {
	.options = (const struct argp_option[]){
		{ "driver", KEY_DRIVER, "NAME", 0,
		  "To this driver; default: the kernel's choice", 0 },
		{ "group", KEY_GROUP, NULL, 0,
		  "With the other virtio-net functions of its IOMMU group", 0 },
		{ 0 },
	},
	.parser = list_parse_bind_option,
	.args_doc = "ADDRESS...",
	.doc = "Give functions back to their kernel drivers: all or none. A vDPA device goes "
	       "to virtio_vdpa.",
};

static void list_print_move(const struct vionet_pci_move *move, const char *already)
{
	if (!move->moved) {
		printf("%s: %s %s already, %s\n", move->address, already, move->from,
		       move->cleared ? "driver_override was cleared" : "nothing was done");
		return;
	}
	printf("%s: %s -> %s", move->address,
	       move->from[0] != '\0' ? move->from : "no driver",
	       move->to[0] != '\0' ? move->to : "no driver");
	if (move->interface[0] != '\0')
		printf(", interface %s", move->interface);
	putchar('\n');
}

static void list_print_moves(const struct vionet_pci_move *moves, size_t count,
			     const char *already, const char *back)
{
	size_t moved = 0;

	for (size_t i = 0; i < count; i++) {
		list_print_move(&moves[i], already);
		moved += moves[i].moved;
	}
	if (moved == 0)
		return;
	printf("to go back: vionet %s", back);
	for (size_t i = 0; i < count; i++)
		if (moves[i].moved)
			printf(" %s", moves[i].address);
	putchar('\n');
}

/* Bound, and yet something is in the way of using it: better heard now. */
static void list_warn_of_reasons(const struct vionet_pci_move *moves, size_t count)
{
	struct vionet_pci_function function = { .struct_size = sizeof(function) };
	char clause[REMEDY_CLAUSE_MAX];

	for (size_t i = 0; i < count; i++)
		if (vionet_pci_lookup(moves[i].address, &function) == 0 &&
		    !function.drivable)
			say("%s: %s%s", moves[i].address, function.reason,
			    remedy_clause(function.remedy, function.address, clause));
}

/* What can be forced is to be forced for all that were named: one alone is not bound. */
static void list_say_bind_error(const struct bind_options *options, int result)
{
	char line[ADDRESSES_MAX * VIONET_PCI_ADDRESS_MAX] = "";
	size_t used = 0;

	if (vionet_error_remedy(NULL) != VIONET_REMEDY_BIND_FORCE) {
		say_error(result);
		return;
	}
	for (size_t i = 0; i < options->count && used < sizeof(line); i++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, " %s",
					 options->address[i]);
	say("%s; to force it: vionet bind --force%s%s", vionet_error_text(),
	    options->flags & VIONET_PCI_BIND_GROUP ? " --group" : "", line);
}

/* One after the other. */
static int list_move_vdpa(const struct bind_options *options, bool back)
{
	struct vionet_vdpa_move move = { .struct_size = sizeof(move) };

	for (size_t i = 0; i < options->count; i++) {
		const char *device = options->address[i];
		int result = back ? vionet_vdpa_unbind(device, &move) : vionet_vdpa_bind(device, options->flags, &move);

		if (result != 0) {
			list_say_bind_error(options, result);
			return code_of_open(result);
		}
		if (move.moved)
			printf("%s: %s -> %s", move.name,
			       move.from[0] != '\0' ? move.from : "no driver", move.to);
		else
			printf("%s: it is with %s already, nothing was done", move.name, move.to);
		if (move.node[0] != '\0')
			printf(", vhost-vdpa:%s", move.node);
		if (move.interface[0] != '\0')
			printf(", interface %s", move.interface);
		putchar('\n');
		if (move.moved)
			printf("to go back: vionet %s %s\n", back ? "bind" : "unbind", move.name);
	}
	return finish_output(stdout, "standard output");
}

/* All get the same one: so they are one user's. */
static int list_put_token(const struct bind_options *options, const struct vionet_pci_move *moves,
			  size_t count)
{
	char token[VF_TOKEN_SIZE];
	int result = vf_token_make(options->vf_token, token), code = CODE_OK;

	if (result != 0) {
		say("--vf-token new: no random number: %s", strerror(-result));
		return CODE_FAILED;
	}
	for (size_t i = 0; i < count && code == CODE_OK; i++)
		code = vf_token_put(moves[i].address, token);
	if (code == CODE_OK)
		printf("VF token, for these and their virtual functions: --vf-token %s\n", token);
	return code;
}

int command_bind(int argc, char **argv)
{
	struct bind_options options = { 0 };
	struct vionet_pci_move *moves;
	size_t count;
	int result;

	parse_arguments(&bind_argp, "bind", argc, argv, &options);
	if (options.vdpa != 0)
		return list_move_vdpa(&options, false);
	result = vionet_pci_bind(options.address, options.count, options.flags, &moves,
				 sizeof(*moves), &count);
	if (result != 0) {
		list_say_bind_error(&options, result);
		return code_of_open(result);
	}
	list_print_moves(moves, count, "it was bound to", "unbind");
	list_warn_of_reasons(moves, count);
	result = options.vf_token != NULL ? list_put_token(&options, moves, count) : CODE_OK;
	vionet_pci_moves_free(moves);
	return result != CODE_OK ? result : finish_output(stdout, "standard output");
}

int command_unbind(int argc, char **argv)
{
	struct bind_options options = { 0 };
	struct vionet_pci_move *moves;
	size_t count;
	int result;

	parse_arguments(&unbind_argp, "unbind", argc, argv, &options);
	if (options.vdpa != 0)
		return list_move_vdpa(&options, true);
	result = vionet_pci_unbind(options.address, options.count, options.driver,
				   options.flags, &moves, sizeof(*moves), &count);
	if (result != 0) {
		say_error(result);
		return code_of_open(result);
	}
	list_print_moves(moves, count, "it is with its kernel driver", "bind");
	vionet_pci_moves_free(moves);
	return finish_output(stdout, "standard output");
}
