/* SPDX-License-Identifier: BSD-3-Clause */
/* Objects and their members: what is known, what is missing, what is not supported. */
#include <errno.h>
#include <string.h>

#include "tools/pktgen/model/otg_parts.h"
#include "tools/shared/closest_word.h"

static const char *object_kind_name(const struct tree *node)
{
	static const char *const names[] = { "nothing", "a value", "a list", "an object" };

	return names[node->kind];
}

bool otg_is_empty(const struct tree *node)
{
	if (node == NULL || node->kind == TREE_NULL)
		return true;
	return node->kind != TREE_SCALAR && node->child == NULL;
}

int otg_needs_object(struct otg *otg, const struct tree *node)
{
	if (node == NULL || node->kind == TREE_NULL || node->kind == TREE_OBJECT)
		return 0;
	return tree_refuse(otg->error, node, "an object is wanted, not %s", object_kind_name(node));
}

int otg_list(struct otg *otg, const struct tree *node, size_t most, const struct tree **first,
	     size_t *count)
{
	*first = NULL;
	*count = 0;
	if (node == NULL || node->kind == TREE_NULL)
		return 0;
	if (node->kind != TREE_LIST)
		return tree_refuse(otg->error, node, "a list is wanted, not %s",
				   object_kind_name(node));
	if (node->children > most)
		return tree_refuse(otg->error, node, "%u of them; %zu is the most",
				   node->children, most);
	*first = node->child;
	*count = node->children;
	return 0;
}

static const struct otg_member *object_find(const struct otg_member *members, const char *name)
{
	for (; members->name != NULL; members++)
		if (strcmp(members->name, name) == 0)
			return members;
	return NULL;
}

int otg_refuse_unknown(struct otg *otg, const struct tree *node,
		       const struct otg_member *members)
{
	struct closest_word closest;
	char known[100] = "";
	size_t used = 0;

	closest_word_start(&closest, node->key);
	for (const struct otg_member *at = members; at->name != NULL; at++) {
		closest_word_try(&closest, at->name);
		if (used < sizeof(known))
			used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
						 used == 0 ? "" : ", ", at->name);
	}
	if (closest.best != NULL)
		return tree_refuse_key(otg->error, node, "unknown; did you mean %s?", closest.best);
	if (used == 0 || used >= sizeof(known))
		return tree_refuse_key(otg->error, node, "unknown");
	return tree_refuse_key(otg->error, node, "unknown; known here: %s", known);
}

int otg_refuse_unsupported(struct otg *otg, const struct tree *node, const char *instead)
{
	return tree_refuse_key(otg->error, node, "not supported%s%s", instead == NULL ? "" : "; ",
			       instead == NULL ? "" : instead);
}

static int object_read_member(struct otg *otg, const struct tree *child,
			      const struct otg_member *members, void *into)
{
	const struct otg_member *member = object_find(members, child->key);

	if (member == NULL)
		return otg_refuse_unknown(otg, child, members);
	if (member->read != NULL)
		return member->read(otg, child, into);
	return otg_is_empty(child) ? 0 : otg_refuse_unsupported(otg, child, member->instead);
}

static int object_check_needed(struct otg *otg, const struct tree *node,
			       const struct otg_member *members)
{
	for (; members->name != NULL; members++) {
		const struct tree *child = tree_find(node, members->name);

		if (members->needed && (child == NULL || child->kind == TREE_NULL))
			return tree_refuse(otg->error, node, "%s is missing", members->name);
	}
	return 0;
}

/* What is missing is said last: a mistyped name is the commoner cause. */
int otg_object(struct otg *otg, const struct tree *node, const struct otg_member *members,
	       void *into)
{
	int result = otg_needs_object(otg, node);

	if (node == NULL || result != 0)
		return result;
	for (const struct tree *child = node->child; child != NULL && result == 0;
	     child = child->next)
		result = object_read_member(otg, child, members, into);
	return result != 0 ? result : object_check_needed(otg, node, members);
}

/* ---- choices ---- */

static bool object_is_beside(const char *key, const char *const *beside)
{
	if (strcmp(key, "choice") == 0)
		return true;
	for (; beside != NULL && *beside != NULL; beside++)
		if (strcmp(key, *beside) == 0)
			return true;
	return false;
}

/* The word at `choice` names one of the members. */
static const struct otg_member *object_chosen_word(struct otg *otg, const struct tree *choice,
						   const struct otg_member *members)
{
	const struct otg_member *member;
	struct closest_word closest;

	if (choice->kind != TREE_SCALAR) {
		tree_refuse(otg->error, choice, "a word is wanted, not %s",
			    object_kind_name(choice));
		return NULL;
	}
	member = object_find(members, choice->text);
	if (member != NULL && member->read == NULL) {
		struct tree alternative = *choice;

		/* By the path that it would have. */
		alternative.key = member->name;
		tree_refuse(otg->error, &alternative, "not supported%s%s",
			    member->instead == NULL ? "" : "; ",
			    member->instead == NULL ? "" : member->instead);
	}
	if (member != NULL)
		return member->read == NULL ? NULL : member;
	closest_word_start(&closest, choice->text);
	for (member = members; member->name != NULL; member++)
		closest_word_try(&closest, member->name);
	if (closest.best != NULL)
		tree_refuse(otg->error, choice, "no such choice; did you mean %s?", closest.best);
	else
		tree_refuse(otg->error, choice, "no such choice; it may be %s%s%s%s",
			    members[0].name, members[1].name == NULL ? "" : ", ",
			    members[1].name == NULL ? "" : members[1].name,
			    members[1].name == NULL || members[2].name == NULL ? "" : " or others");
	return NULL;
}

/* The only member that is there besides `choice`, or NULL. -EINVAL: there are others, or unknown ones. */
static int object_find_given(struct otg *otg, const struct tree *node,
			     const struct otg_member *members, const char *const *beside,
			     const struct tree **given)
{
	const struct tree *choice = tree_find(node, "choice");

	*given = NULL;
	for (const struct tree *child = node == NULL ? NULL : node->child; child != NULL;
	     child = child->next) {
		const struct otg_member *member;

		if (object_is_beside(child->key, beside))
			continue;
		member = object_find(members, child->key);
		if (member == NULL)
			return otg_refuse_unknown(otg, child, members);
		if (member->read == NULL)
			return otg_refuse_unsupported(otg, child, member->instead);
		if (choice != NULL && choice->kind == TREE_SCALAR &&
		    object_find(members, choice->text) != NULL &&
		    strcmp(choice->text, child->key) != 0)
			return tree_refuse_key(otg->error, child,
					       "choice says %s; leave one of them out",
					       choice->text);
		if (*given != NULL)
			return tree_refuse_key(otg->error, child,
					       "only one of %s and %s is possible",
					       (*given)->key, child->key);
		*given = child;
	}
	return 0;
}

const struct otg_member *otg_chosen(struct otg *otg, const struct tree *node,
				    const struct otg_member *members, const char *const *beside,
				    const char *preset, const struct tree **given)
{
	const struct tree *choice = tree_find(node, "choice");

	*given = NULL;
	if (otg_needs_object(otg, node) != 0 ||
	    object_find_given(otg, node, members, beside, given) != 0)
		return NULL;
	if (choice != NULL && choice->kind != TREE_NULL)
		return object_chosen_word(otg, choice, members);
	return object_find(members, *given != NULL ? (*given)->key : preset);
}

int otg_choice(struct otg *otg, const struct tree *node, const struct otg_member *members,
	       const char *preset, void *into)
{
	const struct tree *given;
	const struct otg_member *member = otg_chosen(otg, node, members, NULL, preset, &given);

	return member == NULL ? -EINVAL : member->read(otg, given, into);
}
