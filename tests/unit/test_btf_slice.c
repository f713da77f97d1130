// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

#include "kernel/btf_slice.h"
#include "kernel/core.h"
#include "lib/cleanup.h"

static void free_btf(struct btf **btf)
{
	btf__free(*btf);
}
#define _cleanup_btf_ _cleanup_(free_btf)

static const char *const names[] = { "cgroup", "flags", "sock" };

static struct tw_btf_target targets[] = { { "bpf_iter_tcp", 0 }, { "nowhere", 0 } };

static const struct tw_btf_wish wish = { names, ARRAY_SIZE(names), targets, ARRAY_SIZE(targets) };

/*
 * Among types that nobody asked for:
 *	enum flags { DEAD = 3 };
 *	struct lock { int owner[2]; };
 *	typedef struct lock lock_t;
 *	struct sock { lock_t lock; struct other *peer; unsigned wide : 5; };
 *	void bpf_iter_tcp(void);
 */
static struct btf *make_kernel(void)
{
	struct btf *btf = btf__new_empty();
	int number, pair, lock, alias, other, pointer;

	assert_non_null(btf);
	number = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	other = btf__add_struct(btf, "other", 4);
	assert_int_equal(btf__add_field(btf, "unasked", number, 0, 0), 0);
	assert_true(btf__add_enum(btf, "flags", 4) > 0);
	assert_int_equal(btf__add_enum_value(btf, "DEAD", 3), 0);
	pair = btf__add_array(btf, number, number, 2);
	lock = btf__add_struct(btf, "lock", 8);
	assert_int_equal(btf__add_field(btf, "owner", pair, 0, 0), 0);
	alias = btf__add_typedef(btf, "lock_t", lock);
	pointer = btf__add_ptr(btf, other);
	assert_true(btf__add_struct(btf, "sock", 24) > 0);
	assert_int_equal(btf__add_field(btf, "lock", alias, 0, 0), 0);
	assert_int_equal(btf__add_field(btf, "peer", pointer, 64, 0), 0);
	assert_int_equal(btf__add_field(btf, "wide", number, 128, 5), 0);
	assert_true(btf__add_func(btf, "bpf_iter_tcp", BTF_FUNC_GLOBAL,
				  btf__add_func_proto(btf, 0)) > 0);
	return btf;
}

static struct btf *slice_of(const struct btf *whole)
{
	_cleanup_buf_ struct tw_buf slice = TW_BUF_INIT;
	struct btf *btf;
	const void *data;
	__u32 size;

	data = btf__raw_data(whole, &size);
	assert_int_equal(tw_btf_slice(data, size, &wish, &slice), 0);
	btf = btf__new(slice.data, (__u32)slice.len);
	assert_non_null(btf);
	return btf;
}

static const struct btf_member *member_of(const struct btf *btf, const char *name, unsigned i)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);
	const struct btf_type *type;

	assert_true(id > 0);
	type = btf__type_by_id(btf, (__u32)id);
	assert_true(i < btf_vlen(type));
	return btf_members(type) + i;
}

static void btf_slice__has_the_layouts_asked_for(void **state)
{
	_cleanup_btf_ struct btf *whole = make_kernel();
	_cleanup_btf_ struct btf *slice = slice_of(whole);
	const struct btf_member *member;
	const struct btf_type *type;
	int id;

	(void)state;
	member = member_of(slice, "sock", 0);
	assert_string_equal(btf__name_by_offset(slice, member->name_off), "lock");
	type = btf__type_by_id(slice, member->type);
	assert_true(btf_is_typedef(type));
	assert_string_equal(btf__name_by_offset(slice, type->name_off), "lock_t");
	assert_int_equal(btf__resolve_size(slice, member->type), 8);
	member = member_of(slice, "lock", 0);
	type = btf__type_by_id(slice, member->type);
	assert_true(btf_is_array(type));
	assert_int_equal(btf_array(type)->nelems, 2);
	assert_int_equal(btf__resolve_size(slice, btf_array(type)->type), 4);
	id = btf__find_by_name_kind(slice, "sock", BTF_KIND_STRUCT);
	type = btf__type_by_id(slice, (__u32)id);
	assert_int_equal(btf_vlen(type), 3);
	assert_int_equal(btf_member_bit_offset(type, 2), 128);
	assert_int_equal(btf_member_bitfield_size(type, 2), 5);
	id = btf__find_by_name_kind(slice, "flags", BTF_KIND_ENUM);
	assert_true(id > 0);
	type = btf__type_by_id(slice, (__u32)id);
	assert_string_equal(btf__name_by_offset(slice, btf_enum(type)->name_off), "DEAD");
	assert_int_equal(btf_enum(type)->val, 3);
}

static void btf_slice__ends_at_pointers(void **state)
{
	_cleanup_btf_ struct btf *whole = make_kernel();
	_cleanup_btf_ struct btf *slice = slice_of(whole);
	const struct btf_type *type;

	(void)state;
	type = btf__type_by_id(slice, member_of(slice, "sock", 1)->type);
	assert_true(btf_is_ptr(type));
	assert_int_equal(type->type, 0);
	assert_int_equal(btf__find_by_name(slice, "other"), -ENOENT);
	assert_int_equal(btf__find_by_name(slice, "cgroup"), -ENOENT);
}

static void btf_slice__numbers_targets_as_the_whole_does(void **state)
{
	_cleanup_btf_ struct btf *whole = make_kernel();
	_cleanup_btf_ struct btf *slice = slice_of(whole);
	int id = btf__find_by_name_kind(whole, "bpf_iter_tcp", BTF_KIND_FUNC);

	(void)state;
	assert_int_equal(targets[0].id, id);
	assert_int_equal(targets[1].id, 0);
	assert_int_equal(btf__find_by_name(slice, "bpf_iter_tcp"), -ENOENT);
}

/* Cut short, with each byte wrong in its turn: it is refused, or some other BTF; ASan watches. */
static void btf_slice__survives_what_is_no_btf(void **state)
{
	_cleanup_btf_ struct btf *whole = make_kernel();
	const void *data;
	__u32 size;

	(void)state;
	data = btf__raw_data(whole, &size);
	for (__u32 len = 0; len < size; len++) {
		_cleanup_buf_ struct tw_buf slice = TW_BUF_INIT;
		_cleanup_free_ char *copy = malloc(len ?: 1);

		memcpy(copy, data, len);
		assert_int_equal(tw_btf_slice(copy, len, &wish, &slice), -EPROTO);
	}
	for (__u32 at = 0; at < size; at++) {
		_cleanup_buf_ struct tw_buf slice = TW_BUF_INIT;
		_cleanup_free_ unsigned char *copy = malloc(size);
		int error;

		memcpy(copy, data, size);
		copy[at] ^= 0xff;
		error = tw_btf_slice(copy, size, &wish, &slice);
		assert_true(!error || error == -EPROTO);
	}
}

static void btf_slice__refuses_kinds_of_a_later_day(void **state)
{
	_cleanup_btf_ struct btf *whole = make_kernel();
	_cleanup_buf_ struct tw_buf slice = TW_BUF_INIT, copy = TW_BUF_INIT;
	const struct btf_header *header;
	struct btf_type *first;
	const void *data;
	__u32 size;

	(void)state;
	data = btf__raw_data(whole, &size);
	assert_int_equal(tw_buf_add(&copy, data, size), 0);
	header = (const void *)copy.data;
	first = (void *)(copy.data + header->hdr_len + header->type_off);
	first->info = 20u << 24;
	assert_int_equal(tw_btf_slice(copy.data, copy.len, &wish, &slice), -EPROTO);
	assert_int_equal(slice.len, 0);
}

static void same_member(const struct btf *whole, const struct btf *slice, const char *name)
{
	const struct btf_type *a, *b;
	int x = btf__find_by_name_kind(whole, name, BTF_KIND_STRUCT);
	int y = btf__find_by_name_kind(slice, name, BTF_KIND_STRUCT);

	assert_true(x > 0 && y > 0);
	a = btf__type_by_id(whole, (__u32)x);
	b = btf__type_by_id(slice, (__u32)y);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->info, b->info);
	for (unsigned i = 0; i < btf_vlen(a); i++) {
		const struct btf_member *m = btf_members(a) + i, *n = btf_members(b) + i;

		assert_string_equal(btf__name_by_offset(whole, m->name_off),
				    btf__name_by_offset(slice, n->name_off));
		assert_int_equal(m->offset, n->offset);
		assert_int_equal(btf__resolve_size(whole, m->type),
				 btf__resolve_size(slice, n->type));
	}
}

static void btf_slice__agrees_with_this_kernel(void **state)
{
	_cleanup_btf_ struct btf *whole = btf__parse(TW_BTF_PATH, NULL), *slice = NULL;

	(void)state;
	if (!whole)
		skip();
	slice = slice_of(whole);
	same_member(whole, slice, "sock");
	same_member(whole, slice, "cgroup");
	assert_true(btf__type_cnt(slice) * 20 < btf__type_cnt(whole));
	assert_int_equal(targets[0].id,
			 btf__find_by_name_kind(whole, "bpf_iter_tcp", BTF_KIND_FUNC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(btf_slice__has_the_layouts_asked_for),
		cmocka_unit_test(btf_slice__ends_at_pointers),
		cmocka_unit_test(btf_slice__numbers_targets_as_the_whole_does),
		cmocka_unit_test(btf_slice__survives_what_is_no_btf),
		cmocka_unit_test(btf_slice__refuses_kinds_of_a_later_day),
		cmocka_unit_test(btf_slice__agrees_with_this_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
