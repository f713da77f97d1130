// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/btf_slice.h"

#include <errno.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <string.h>

#include "lib/cleanup.h"

/* Kinds that older headers lack. */
#define KIND_DECL_TAG 17
#define KIND_TYPE_TAG 18
#define KIND_ENUM64   19
#define KINDS	      20

struct slicer {
	const char *types; /* the whole's type section */
	size_t types_len;
	const char *strings; /* and its names, ended by a NUL */
	size_t strings_len;
	size_t count;	  /* of its types, numbered from 1 */
	uint32_t *offset; /* of each in the type section */
	uint32_t *number; /* of each in the slice; 0: not in it */
	uint32_t *chosen; /* by number in the slice less 1, its number in the whole */
	size_t chosen_count;
	struct tw_buf out_types;
	struct tw_buf out_strings;
};

static void slicer_free(struct slicer *slicer)
{
	free(slicer->offset);
	free(slicer->number);
	free(slicer->chosen);
	tw_buf_free(&slicer->out_types);
	tw_buf_free(&slicer->out_strings);
}

/* --- the whole --------------------------------------------------------------------- */

/* What follows a struct btf_type: so much, and so much for each of its members. */
static const struct {
	bool known;
	unsigned char once;
	unsigned char each;
} kinds[KINDS] = {
	[BTF_KIND_INT] = { true, sizeof(uint32_t), 0 },
	[BTF_KIND_PTR] = { true, 0, 0 },
	[BTF_KIND_ARRAY] = { true, sizeof(struct btf_array), 0 },
	[BTF_KIND_STRUCT] = { true, 0, sizeof(struct btf_member) },
	[BTF_KIND_UNION] = { true, 0, sizeof(struct btf_member) },
	[BTF_KIND_ENUM] = { true, 0, sizeof(struct btf_enum) },
	[BTF_KIND_FWD] = { true, 0, 0 },
	[BTF_KIND_TYPEDEF] = { true, 0, 0 },
	[BTF_KIND_VOLATILE] = { true, 0, 0 },
	[BTF_KIND_CONST] = { true, 0, 0 },
	[BTF_KIND_RESTRICT] = { true, 0, 0 },
	[BTF_KIND_FUNC] = { true, 0, 0 },
	[BTF_KIND_FUNC_PROTO] = { true, 0, sizeof(struct btf_param) },
	[BTF_KIND_VAR] = { true, sizeof(struct btf_var), 0 },
	[BTF_KIND_DATASEC] = { true, 0, sizeof(struct btf_var_secinfo) },
	[BTF_KIND_FLOAT] = { true, 0, 0 },
	[KIND_DECL_TAG] = { true, sizeof(uint32_t), 0 },
	[KIND_TYPE_TAG] = { true, 0, 0 },
	[KIND_ENUM64] = { true, 0, 3 * sizeof(uint32_t) },
};

static const struct btf_type *type_at(const struct slicer *slicer, size_t offset)
{
	return (const void *)(slicer->types + offset);
}

/* The length of the type at `offset`; 0: it is none that we know. */
static size_t length_at(const struct slicer *slicer, size_t offset)
{
	size_t left = slicer->types_len - offset, len;
	const struct btf_type *type = type_at(slicer, offset);
	uint32_t kind;

	if (left < sizeof(*type) || type->name_off >= slicer->strings_len)
		return 0;
	kind = BTF_INFO_KIND(type->info);
	if (kind >= KINDS || !kinds[kind].known)
		return 0;
	len = sizeof(*type) + kinds[kind].once + BTF_INFO_VLEN(type->info) * kinds[kind].each;
	return len <= left ? len : 0;
}

static int open_whole(struct slicer *slicer, const void *btf, size_t size)
{
	const struct btf_header *header = btf;
	size_t room;

	if (size < sizeof(*header) || header->magic != BTF_MAGIC || header->hdr_len > size ||
	    header->hdr_len < sizeof(*header))
		return -EPROTO;
	room = size - header->hdr_len;
	if (header->type_off > room || header->type_len > room - header->type_off ||
	    header->type_off % sizeof(uint32_t) || header->hdr_len % sizeof(uint32_t) ||
	    header->str_off > room || header->str_len > room - header->str_off || !header->str_len)
		return -EPROTO;
	slicer->types = (const char *)btf + header->hdr_len + header->type_off;
	slicer->types_len = header->type_len;
	slicer->strings = (const char *)btf + header->hdr_len + header->str_off;
	slicer->strings_len = header->str_len;
	return slicer->strings[slicer->strings_len - 1] ? -EPROTO : 0;
}

/* --- what is wished for --------------------------------------------------------------- */

/* The number in the slice of a type that becomes part of it; 0: there is no such type. */
static uint32_t choose(struct slicer *slicer, uint32_t id)
{
	if (!id || id > slicer->count)
		return 0;
	if (!slicer->number[id]) {
		slicer->chosen[slicer->chosen_count++] = id;
		slicer->number[id] = (uint32_t)slicer->chosen_count;
	}
	return slicer->number[id];
}

static int by_name(const void *name, const void *element)
{
	return strcmp(name, *(const char *const *)element);
}

static void look_at(struct slicer *slicer, const struct tw_btf_wish *wish, uint32_t id)
{
	const struct btf_type *type = type_at(slicer, slicer->offset[id]);
	const char *name = slicer->strings + type->name_off;

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_ENUM:
	case KIND_ENUM64:
		if (*name &&
		    bsearch(name, wish->types, wish->type_count, sizeof(*wish->types), by_name))
			choose(slicer, id);
		break;
	case BTF_KIND_FUNC:
	case BTF_KIND_TYPEDEF:
		for (size_t i = 0; i < wish->target_count; i++)
			if (!wish->targets[i].id && !strcmp(name, wish->targets[i].name))
				wish->targets[i].id = id;
		break;
	}
}

/* Where each type is; then those that are wished for are chosen. */
static int find(struct slicer *slicer, const struct tw_btf_wish *wish)
{
	size_t most = slicer->types_len / sizeof(struct btf_type) + 1, len;

	slicer->offset = malloc(most * sizeof(*slicer->offset));
	if (!slicer->offset)
		return -ENOMEM;
	for (size_t at = 0; at < slicer->types_len; at += len) {
		len = length_at(slicer, at);
		if (!len)
			return -EPROTO;
		slicer->offset[++slicer->count] = (uint32_t)at;
	}
	slicer->number = calloc(slicer->count + 1, sizeof(*slicer->number));
	slicer->chosen = malloc((slicer->count + 1) * sizeof(*slicer->chosen));
	if (!slicer->number || !slicer->chosen)
		return -ENOMEM;
	for (size_t i = 0; i < wish->target_count; i++)
		wish->targets[i].id = 0;
	for (uint32_t id = 1; id <= slicer->count; id++)
		look_at(slicer, wish, id);
	return 0;
}

/* --- the slice ------------------------------------------------------------------------ */

static int copy_name(struct slicer *slicer, uint32_t *name_off)
{
	const char *name = slicer->strings + *name_off;

	if (*name_off >= slicer->strings_len)
		return -EPROTO;
	if (!*name) {
		*name_off = 0;
		return 0;
	}
	*name_off = (uint32_t)slicer->out_strings.len;
	return tw_buf_add(&slicer->out_strings, name, strlen(name) + 1);
}

static int copy_members(struct slicer *slicer, struct btf_type *type)
{
	struct btf_member *member = (struct btf_member *)(type + 1);
	int error = 0;

	for (uint32_t i = 0; i < BTF_INFO_VLEN(type->info) && !error; i++) {
		error = copy_name(slicer, &member[i].name_off);
		member[i].type = choose(slicer, member[i].type);
	}
	return error;
}

/* `each`: the size of a value, which begins with its name. */
static int copy_values(struct slicer *slicer, struct btf_type *type, size_t each)
{
	char *value = (char *)(type + 1);
	int error = 0;

	for (uint32_t i = 0; i < BTF_INFO_VLEN(type->info) && !error; i++)
		error = copy_name(slicer, (uint32_t *)(void *)(value + i * each));
	return error;
}

static int copy_array(struct slicer *slicer, struct btf_type *type)
{
	struct btf_array *array = (struct btf_array *)(type + 1);

	array->type = choose(slicer, array->type);
	array->index_type = choose(slicer, array->index_type);
	return 0;
}

/* Give the copy of a type the slice's numbers and names. */
static int adapt(struct slicer *slicer, struct btf_type *type)
{
	uint32_t kind = BTF_INFO_KIND(type->info);
	int error = copy_name(slicer, &type->name_off);

	if (error)
		return error;
	switch (kind) {
	case BTF_KIND_INT:
	case BTF_KIND_FLOAT:
	case BTF_KIND_FWD:
		return 0;
	case BTF_KIND_PTR:
		type->type = 0;
		return 0;
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case KIND_TYPE_TAG:
		type->type = choose(slicer, type->type);
		return 0;
	case BTF_KIND_ARRAY:
		return copy_array(slicer, type);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return copy_members(slicer, type);
	case BTF_KIND_ENUM:
	case KIND_ENUM64:
		return copy_values(slicer, type, kinds[kind].each);
	}
	return -EPROTO; /* no part of a layout */
}

static int copy(struct slicer *slicer, uint32_t id)
{
	size_t from = slicer->offset[id], at = slicer->out_types.len;
	int error = tw_buf_add(&slicer->out_types, slicer->types + from, length_at(slicer, from));

	return error ?: adapt(slicer, (struct btf_type *)(void *)(slicer->out_types.data + at));
}

static int write_out(const struct slicer *slicer, struct tw_buf *slice)
{
	const struct btf_header header = {
		.magic = BTF_MAGIC,
		.version = BTF_VERSION,
		.hdr_len = sizeof(header),
		.type_len = (uint32_t)slicer->out_types.len,
		.str_off = (uint32_t)slicer->out_types.len,
		.str_len = (uint32_t)slicer->out_strings.len,
	};

	return tw_buf_add(slice, &header, sizeof(header))
		       ?: tw_buf_add(slice, tw_buf_string(&slicer->out_types),
				     slicer->out_types.len)
		       ?: tw_buf_add(slice, slicer->out_strings.data, slicer->out_strings.len);
}

int tw_btf_slice(const void *btf, size_t size, const struct tw_btf_wish *wish, struct tw_buf *slice)
{
	_cleanup_(slicer_free) struct slicer slicer = { 0 };
	int error = open_whole(&slicer, btf, size);

	if (!error)
		error = find(&slicer, wish);
	/* The first name is the empty one. */
	if (!error)
		error = tw_buf_add(&slicer.out_strings, "", 1);
	/* What is copied chooses what it is made of. */
	for (size_t i = 0; i < slicer.chosen_count && !error; i++)
		error = copy(&slicer, slicer.chosen[i]);
	return error ?: write_out(&slicer, slice);
}
