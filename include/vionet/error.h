/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Errors: how every call of the library reports failure.
 *
 * A function that can fail returns 0 (or a count) on success and a negative
 * errno value on failure. `errno` itself is no part of the contract. Results
 * travel through out-parameters; on failure a pointer out-parameter is NULL
 * and nothing is left behind.
 *
 * Beside the number there is a text for people, kept for each thread. It names
 * the object, the step, the cause and what to do:
 *
 *   0000:00:04.0: group 7 is not viable: 0000:00:05.0 is bound to e1000e;
 *   bind it to vfio-pci or unbind it
 */
#ifndef VIONET_ERROR_H
#define VIONET_ERROR_H

#include <vionet/platform.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Longest text that vionet_error_text() gives, terminating zero included. */
#define VIONET_ERROR_TEXT_MAX 1024

/*
 * The text that belongs to the last failure of a vionet call in this thread.
 *
 * To be read right after a call has failed: the next vionet call of the same
 * thread may change it, even if it succeeds. It begins with the object, and each layer
 * that the failure went through has put its step in front of the cause. Calls that fail
 * without a text leave it empty: vionet_packet_checksum_partial, vionet_packet_segment
 * and vionet_packet_checksum_complete. Bursts cannot fail, and leave it as it is.
 *
 * Returns a zero-terminated string, never NULL. Owned by the library. Any thread.
 *
 * What a device's server, the system or the caller said in it has gone through
 * vionet_text_clean: it is one line of valid UTF-8 that a terminal only shows.
 */
const char *vionet_error_text(void);

/* What to do about a failure, where that is a call or an option of the caller's. */
enum vionet_remedy {
	VIONET_REMEDY_NONE = 0,	      /* the text says it, if there is one */
	VIONET_REMEDY_BIND,	      /* bind the function: vionet_pci_bind */
	VIONET_REMEDY_BIND_GROUP,     /* the same with VIONET_PCI_BIND_GROUP */
	VIONET_REMEDY_BIND_FORCE,     /* the same with VIONET_PCI_BIND_FORCE, although
				       * something in use is cut off by it */
	VIONET_REMEDY_AVOID,	      /* open it without some of the features that the
				       * text names: vionet_open_options.avoid */
	VIONET_REMEDY_ASSUME_IOMMU,   /* VIONET_OPEN_ASSUME_IOMMU, if a real IOMMU
				       * stands in front of the device */
	VIONET_REMEDY_RESET_TIMEOUT,  /* give it longer:
				       * vionet_open_options.reset_timeout_ms */
	VIONET_REMEDY_WANT,	      /* open it with the feature that the text names:
				       * vionet_open_options.want */
	VIONET_REMEDY_NO_IOMMU,	      /* VIONET_IOMMU_NONE and VIONET_PCI_BIND_NO_IOMMU, if
				       * the device may reach all memory of the machine */
	VIONET_REMEDY_VF_TOKEN,	      /* vionet_open_options.vf_token */
	VIONET_REMEDY_BIND_NO_IOMMU,  /* bind the function with VIONET_PCI_BIND_NO_IOMMU */
	VIONET_REMEDY_REPLY_TIMEOUT,  /* give its server longer:
				       * vionet_open_options.reply_timeout_ms */
	VIONET_REMEDY_BIND_OR_UNBIND, /* bind the function, or give it a kernel driver:
				       * vionet_pci_unbind */
};

/*
 * What to do about the last failure of a vionet call in this thread. The text does not
 * say it: a program has names of its own for what it offers its users.
 *
 * `address`: may be NULL; set to the address of the PCI function that is to be bound,
 *            "" if the remedy is about none. Owned by the library, as the text is.
 *
 * Returns VIONET_REMEDY_NONE, or one of the others; later releases may have more. To be
 * read as vionet_error_text is. Any thread.
 */
enum vionet_remedy vionet_error_remedy(const char **address);

/*
 * Make a text of another origin fit to be printed. Each control
 * character (C0, DEL, C1), each mark that reorders or hides text (Unicode's
 * bidirectional overrides, invisible characters, line separators) and each byte
 * that is no UTF-8 becomes a '?'. What remains is one line of valid UTF-8, never
 * longer than before.
 *
 * `text`: zero-terminated, changed in place; not NULL.
 *
 * Returns `text`. Any thread. Source: ECMA-48; Unicode Standard Annex 9; RFC 3629.
 */
char *vionet_text_clean(char *text);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
