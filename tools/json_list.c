/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/json_list.h"

#include <jansson.h>
#include <stdio.h>

#include "tools/shared/common.h"
#include "tools/shared/envelope.h"

/* A string, or null where there is nothing to say. */
static json_t *json_list_text(const char *text)
{
	return text[0] != '\0' ? json_string(text) : json_null();
}

/* Why it cannot be driven, and what to do. */
static json_t *json_list_reason(const struct vionet_pci_function *function)
{
	char text[sizeof(function->reason) + REMEDY_CLAUSE_MAX];
	char clause[REMEDY_CLAUSE_MAX];

	snprintf(text, sizeof(text), "%s%s", function->reason,
		 remedy_clause(function->remedy, function->address, clause));
	return json_list_text(text);
}

static json_t *json_list_known(int number)
{
	return number >= 0 ? json_integer(number) : json_null();
}

static json_t *json_list_function(const struct vionet_pci_function *function)
{
	return json_pack(
		"{s:s, s:i, s:i, s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, "
		"s:b, s:o}",
		"address", function->address,
		"vendor_id", function->vendor_id,
		"device_id", function->device_id,
		"subsystem_vendor_id", function->subsystem_vendor_id,
		"subsystem_device_id", function->subsystem_device_id,
		"revision", function->revision,
		"vendor_name", json_list_text(function->vendor_name),
		"device_name", json_list_text(function->device_name),
		"driver", json_list_text(function->driver),
		"interface", json_list_text(function->interface),
		"iommu_group", json_list_known(function->iommu_group),
		"node", json_list_text(function->node),
		"numa_node", json_list_known(function->numa_node),
		"transitional", function->transitional,
		"modern", function->modern,
		"drivable", function->drivable,
		"reason", json_list_reason(function));
}

static json_t *json_list_vdpa(const struct vdpa_device *device)
{
	char remedy[4 * VDPA_NAME_MAX];

	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}",
			 "name", device->name,
			 "parent", json_list_text(device->parent),
			 "driver", json_list_text(device->driver),
			 "node", json_list_text(device->node),
			 "interface", json_list_text(device->interface),
			 "reason", json_list_text(vdpa_list_remedy(device, remedy, sizeof(remedy))));
}

static json_t *json_list_parent(const struct vdpa_parent *parent)
{
	return json_pack("{s:s, s:o}", "name", clean(parent->name), "queues",
			 json_list_known(parent->queues != 0 ? (int)parent->queues : -1));
}

int json_print_list(const struct list_report *report)
{
	json_t *array = json_array(), *others = json_array(), *parents = json_array();

	for (size_t i = 0; i < report->functions; i++)
		if (json_array_append_new(array, json_list_function(&report->function[i])) != 0)
			break;
	for (size_t i = 0; i < report->vdpas; i++)
		if (json_array_append_new(others, json_list_vdpa(&report->vdpa[i])) != 0)
			break;
	for (size_t i = 0; i < report->parents; i++)
		if (json_array_append_new(parents, json_list_parent(&report->parent[i])) != 0)
			break;
	/* One that is missing would not be missed by its reader. */
	if (json_array_size(array) != report->functions ||
	    json_array_size(others) != report->vdpas ||
	    json_array_size(parents) != report->parents) {
		json_decref(array);
		array = NULL;
	}
	return envelope_print("list",
			      json_pack("{s:o, s:o, s:o}", "functions", array, "vdpa_devices",
					others, "vdpa_parents", parents));
}
