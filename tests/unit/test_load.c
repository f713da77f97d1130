// SPDX-License-Identifier: GPL-2.0-only
#include "policies.h"

#include <sys/stat.h>

static char folder[] = "/tmp/tcpwarden-load-XXXXXX";

static int setup(void **state)
{
	(void)state;
	return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int empty_folder(void **state)
{
	(void)state;
	return system("rm -rf ./* ./.[!.]* ./..?*");
}

static int teardown(void **state)
{
	empty_folder(state);
	return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void write_bytes(const char *path, const char *text, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* A policy file with these policies. */
static void write_policies(const char *path, const char *head, const char *list)
{
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;

	assert_int_equal(tw_buf_addf(&text, "version: 1\n%spolicies:\n%s", head, list), 0);
	write_bytes(path, text.data, text.len);
}

static void load__takes_the_embedded_policy(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	char text[TW_CIDR_LEN];

	(void)state;
	assert_int_equal(tw_policy_load(NULL, &diags, &model), 0);
	assert_int_equal(diags.count, 0);
	assert_int_equal(model.count, 2);
	assert_string_equal(model.policies[0].mark.file, TW_DEFAULT_POLICY_NAME);
	assert_int_equal(model.policies[0].fields, 0);
	assert_int_equal(model.policies[0].remote_count, 2);
	assert_string_equal(tw_cidr_format(&model.policies[0].remotes[0], text), "127.0.0.0/8");
	assert_string_equal(tw_cidr_format(&model.policies[0].remotes[1], text), "::1/128");
	assert_int_equal(model.policies[1].want.value[TW_IDLE], 120);
	assert_int_equal(model.policies[1].want.value[TW_INTERVAL], 20);
	assert_int_equal(model.policies[1].want.value[TW_PROBES], 5);
	assert_true(model.policies[1].auto_timeout);
}

static void load__reads_a_folder_in_name_order_as_one_list(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	write_policies("d/b.yaml", "", "  - {name: third, match: {port: 3}}\n");
	write_policies("d/10.yaml", "", "  - {name: first, match: {port: 1}}\n");
	write_policies("d/B.yaml", "", "  - {name: second, match: {port: 2}}\n");
	write_bytes("d/.hidden.yaml", "[", 1);
	write_bytes("d/.yaml", "[", 1);
	write_bytes("d/c.yml", "[", 1);
	write_bytes("d/README", "[", 1);
	assert_int_equal(tw_policy_load("d", &diags, &model), 0);
	assert_int_equal(model.count, 3);
	assert_string_equal(model.policies[0].name, "first");
	assert_string_equal(model.policies[1].name, "second");
	assert_string_equal(model.policies[2].name, "third");
	assert_string_equal(model.policies[2].mark.file, "d/b.yaml");
	tw_model_free(&model);
	assert_int_equal(tw_policy_load("d/", &diags, &model), 0);
	assert_string_equal(model.policies[2].mark.file, "d/b.yaml");
}

static void load__lets_observe_of_any_file_hold_for_all(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	write_policies("d/1.yaml", "mode: enforce\n", "  - {name: a, mode: enforce}\n");
	write_bytes("d/2.yaml", "version: 1\nmode: observe\npolicies: []\n", 38);
	write_policies("d/3.yaml", "mode: enforce\n", "  - {name: b}\n");
	assert_int_equal(tw_policy_load("d", &diags, &model), 0);
	assert_true(model.observe);
	assert_true(model.policies[0].observe);
	assert_true(model.policies[1].observe);
}

static void load__counts_policies_over_all_files(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	_cleanup_buf_ struct tw_buf list = TW_BUF_INIT;

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	for (unsigned i = 0; i < TW_MAX_POLICIES; i++)
		tw_buf_addf(&list, "  - {name: p%u, match: {port: %u}}\n", i, i + 1);
	write_policies("d/1.yaml", "", list.data);
	assert_int_equal(tw_policy_load("d", &diags, &model), 0);
	write_policies("d/2.yaml", "", "  - {name: a, match: {port: 1000}}\n");
	assert_int_equal(tw_policy_load("d", &diags, &model), -EINVAL);
	unit_assert_diag(&diags, 0, 3, 5, "more than 256 policies");
	assert_string_equal(diags.list[0].mark.file, "d/2.yaml");
}

static void load__follows_the_links_of_a_configmap(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(mkdir("d/..2026", 0700), 0);
	write_policies("d/..2026/policy.yaml", "", "  - {name: a}\n");
	assert_int_equal(symlink("..2026", "d/..data"), 0);
	assert_int_equal(symlink("..data/policy.yaml", "d/policy.yaml"), 0);
	assert_int_equal(tw_policy_load("d", &diags, &model), 0);
	assert_int_equal(model.count, 1);
}

static void assert_unreadable(const char *path, int error, const char *expected)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	_cleanup_free_ char *text = NULL;

	assert_int_equal(tw_policy_load(path, &diags, &model), error);
	text = unit_print_diags(&diags);
	assert_string_equal(text, expected);
	assert_int_equal(model.count, 0);
}

static void load__says_what_cannot_be_read(void **state)
{
	(void)state;
	assert_int_equal(mkdir("empty", 0700), 0);
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(mkdir("d/sub.yaml", 0700), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(symlink("loop", "loop"), 0);
	assert_unreadable("absent", -ENOENT,
			  "absent: error: cannot read it: No such file or directory\n");
	assert_unreadable("", -ENOENT, ": error: cannot read it: No such file or directory\n");
	assert_unreadable("empty", -EINVAL, "empty: error: no *.yaml in this folder\n");
	assert_unreadable("d", -EISDIR, "d/sub.yaml: error: cannot read it: Is a directory\n");
	assert_unreadable("fifo", -EINVAL, "fifo: error: not a regular file\n");
	assert_unreadable("loop", -ELOOP,
			  "loop: error: cannot read it: Too many levels of symbolic links\n");
}

static void load__reads_the_other_files_all_the_same(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(mkdir("d/1.yaml", 0700), 0);
	write_policies("d/2.yaml", "", "  - {name: A}\n");
	write_bytes("d/3.yaml", "[", 1);
	assert_int_equal(tw_policy_load("d", &diags, &model), -EISDIR);
	assert_int_equal(diags.errors, 3);
}

static void load__takes_less_than_a_mebibyte(void **state)
{
	static const char text[] = "version: 1\npolicies: []\n";
	_cleanup_free_ char *bytes = malloc(1024 * 1024);
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;

	(void)state;
	assert_non_null(bytes);
	memset(bytes, '#', 1024 * 1024);
	memcpy(bytes, text, strlen(text));
	write_bytes("f", bytes, 1024 * 1024 - 1);
	assert_int_equal(tw_policy_load("f", &diags, &model), 0);
	write_bytes("f", bytes, 1024 * 1024);
	assert_unreadable("f", -EFBIG, "f: error: a policy file must be smaller than 1 MiB\n");
}

static void load__takes_256_files_and_not_257(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	char path[32];

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	for (unsigned i = 0; i < TW_MAX_POLICY_FILES; i++) {
		snprintf(path, sizeof(path), "d/%u.yaml", i);
		write_bytes(path, "version: 1\npolicies: []\n", 24);
	}
	assert_int_equal(tw_policy_load("d", &diags, &model), 0);
	assert_int_equal(model.file_count, TW_MAX_POLICY_FILES);
	write_bytes("d/more.yaml", "version: 1\npolicies: []\n", 24);
	assert_unreadable("d", -EINVAL, "d: error: more than 256 *.yaml in this folder\n");
}

static void load__gives_excerpts_to_warnings_too(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	write_policies("d/1.yaml", "", "  - {name: a}\n");
	write_policies("d/2.yaml", "", "  - {name: b}\n");
	assert_int_equal(tw_policy_load("d", &diags, &model), 0);
	assert_int_equal(diags.warnings, 1);
	assert_string_equal(diags.list[0].mark.file, "d/2.yaml");
	assert_string_equal(diags.list[0].excerpt, "  - {name: b}");
}

/* Errors that were there before are not those of this load. */
static void load__does_not_mind_earlier_errors(void **state)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;

	(void)state;
	assert_int_equal(tw_policy_parse("f", "[", 1, &diags, &model), -EINVAL);
	assert_int_equal(policies_parse("  - {name: a}\n", &diags, &model), 0);
	assert_int_equal(model.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(load__takes_the_embedded_policy),
		cmocka_unit_test_setup(load__reads_a_folder_in_name_order_as_one_list,
				       empty_folder),
		cmocka_unit_test_setup(load__lets_observe_of_any_file_hold_for_all, empty_folder),
		cmocka_unit_test_setup(load__counts_policies_over_all_files, empty_folder),
		cmocka_unit_test_setup(load__follows_the_links_of_a_configmap, empty_folder),
		cmocka_unit_test_setup(load__says_what_cannot_be_read, empty_folder),
		cmocka_unit_test_setup(load__reads_the_other_files_all_the_same, empty_folder),
		cmocka_unit_test_setup(load__takes_less_than_a_mebibyte, empty_folder),
		cmocka_unit_test_setup(load__takes_256_files_and_not_257, empty_folder),
		cmocka_unit_test_setup(load__gives_excerpts_to_warnings_too, empty_folder),
		cmocka_unit_test(load__does_not_mind_earlier_errors),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
