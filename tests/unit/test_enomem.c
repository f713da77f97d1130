// SPDX-License-Identifier: GPL-2.0-only
/* Memory that runs out in lib/, policy/ and what prints: see enomem.h. */
#include "enomem.h"
#include "policies.h"

#include <sys/stat.h>

#include "cli/explain_output.h"
#include "lib/file.h"
#include "lib/mounts.h"
#include "lib/path.h"
#include "node/fleet.h"
#include "policy/canon.h"
#include "policy/compile.h"
#include "policy/explain.h"
#include "policy/trip.h"

/* Of everything something, and warnings. */
#define HEAD "version: 1\npolicies:\n"
#define POLICIES                                                                        \
	"  - name: first\n"                                                             \
	"    match:\n"                                                                  \
	"      cgroup: [/system.slice, \"/user.slice/*\", /system.slice]\n"             \
	"      direction: out\n"                                                        \
	"      remote: [10.0.0.0/8, \"fd00::/8\", 10.1.0.0/16]\n"                       \
	"      port: [5432, 9000-9099]\n"                                               \
	"      node: [\"db-*\", web-1]\n"                                               \
	"    keepalive: 60s:10s:3\n"                                                    \
	"    user_timeout: auto\n"                                                      \
	"    must_beat: [ipvs, 350s, aws-alb]\n"                                        \
	"    rollout: 25%\n"                                                            \
	"    guard: {max_deaths_per_minute: 5}\n"                                       \
	"  - {name: watcher, mode: observe, keepalive: {idle: 2m}, user_timeout: 5s}\n" \
	"  - {name: exempt, match: {port: 9092}}\n"                                     \
	"  - {name: rest, keepalive: on}\n"                                             \
	"  - {name: never, match: {cgroup: [/a, /b], port: 1-65535}, user_timeout: 20m}\n"

static const char valid_text[] = HEAD POLICIES;
static const char wrong_text[] = HEAD
	"  - name: first\n"
	"    match: {cgroup: a, remote: [10.0.0.1/8, x], port: 0, pid: 1}\n"
	"    keepalive: 0s:1x:200\n"
	"    must_beat: [aws-nbl, 1ms]\n"
	"  - {name: first, mode: maybe, keepalive: {}}\n"
	"  - 5\n";

/* --- lib ------------------------------------------------------------------------------ */

static int grow_a_buffer(void *data)
{
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;
	int r = 0;

	(void)data;
	for (int i = 0; i < 200 && r == 0; i++) {
		size_t len = buf.len;

		r = i % 2 ? tw_buf_add(&buf, "0123456789", 10) : tw_buf_addf(&buf, "%d", i);
		if (r < 0) {
			assert_int_equal(buf.len, len);
			assert_int_equal(strlen(tw_buf_string(&buf)), len);
		}
	}
	return r;
}

static void buf__survives_enomem(void **state)
{
	(void)state;
	assert_int_equal(enomem_each(grow_a_buffer, NULL, 0, -ENOMEM), 4);
}

/* What cannot be kept is counted all the same, and said to be missing. */
static int add_diagnostics(void *data)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	const char *text = "one\ntwo\nthree\n";
	size_t bare = 0;

	(void)data;
	for (unsigned i = 0; i < 30; i++)
		tw_diags_add(&diags, i % 3 ? TW_ERROR : TW_WARNING,
			     (struct tw_mark){ "f", i % 4, 1 }, "number %u", i);
	tw_diags_excerpt(&diags, "f", text, strlen(text));
	for (size_t i = 0; i < diags.count; i++) {
		assert_non_null(diags.list[i].message);
		bare += diags.list[i].mark.line && !diags.list[i].excerpt;
	}
	assert_int_equal(diags.errors, 20);
	assert_int_equal(diags.warnings, 10);
	assert_int_equal(diags.truncated, diags.count < 30);
	return diags.truncated || bare ? -ENOMEM : 0;
}

static void diag__survives_enomem(void **state)
{
	(void)state;
	/* Three each for the message, the file and the list as it grows, and the excerpts. */
	assert_in_range(enomem_each(add_diagnostics, NULL, 0, -ENOMEM), 80, 100);
}

static int read_a_file(void *data)
{
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;

	return tw_file_read(data, 1 << 20, &buf);
}

static void file__survives_enomem(void **state)
{
	(void)state;
	assert_in_range(enomem_each(read_a_file, (void *)"/proc/self/status", 0, -ENOMEM), 1, 9);
}

static int bring_a_path_in_form(void *data)
{
	_cleanup_free_ char *path = tw_path_normal(data);

	return path ? 0 : -errno;
}

static void path__survives_enomem(void **state)
{
	(void)state;
	assert_int_equal(enomem_each(bring_a_path_in_form, (void *)"//a/b/", 0, -ENOMEM), 1);
	assert_int_equal(enomem_each(bring_a_path_in_form, (void *)"/a/..", -EINVAL, -ENOMEM), 1);
}

static int find_a_mount(void *data)
{
	char *untouched = (char *)data, *path = untouched;
	int r = tw_mounts_find(data, &path);

	if (r < 0)
		assert_ptr_equal(path, untouched);
	else
		free(path);
	return r;
}

static void mounts__survives_enomem(void **state)
{
	(void)state;
	assert_in_range(enomem_each(find_a_mount, (void *)"proc", 0, -ENOMEM), 3, 10000);
	assert_in_range(enomem_each(find_a_mount, (void *)"nonesuch", -ENOENT, -ENOMEM), 2, 10000);
}

/* --- policy ----------------------------------------------------------------------------- */

/* A result that tells whether it was touched: all of it is this byte. */
static void fill(void *object, size_t size)
{
	memset(object, 0x5a, size);
}

static void assert_filled(const void *object, size_t size)
{
	const unsigned char *bytes = object;

	for (size_t i = 0; i < size; i++)
		assert_int_equal(bytes[i], 0x5a);
}

/* Free a model that is there, or see that nothing was put in its place. */
static int settle(int r, struct tw_model *model)
{
	if (r < 0)
		assert_filled(model, sizeof(*model));
	else
		tw_model_free(model);
	return r;
}

static int parse_a_policy(void *data)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	struct tw_model model;
	int r;

	fill(&model, sizeof(model));
	r = tw_policy_parse("f", data, strlen(data), &diags, &model);
	/* A valid policy is valid, whatever became of its warnings. */
	if (r == -EINVAL)
		assert_int_not_equal(diags.errors, 0);
	return settle(r, &model);
}

static void load__survives_enomem_in_a_valid_policy(void **state)
{
	(void)state;
	assert_in_range(enomem_each(parse_a_policy, (void *)valid_text, 0, 0), 100, 10000);
}

static void load__survives_enomem_in_a_wrong_policy(void **state)
{
	(void)state;
	assert_in_range(enomem_each(parse_a_policy, (void *)wrong_text, -EINVAL, -EINVAL), 100,
			10000);
	assert_in_range(enomem_each(parse_a_policy, (void *)HEAD "  - [}\n", -EINVAL, -EINVAL), 10,
			10000);
}

static int load_a_policy(void *data)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	struct tw_model model;

	fill(&model, sizeof(model));
	return settle(tw_policy_load(data, &diags, &model), &model);
}

static void write_file(const char *folder, const char *name, const char *text)
{
	_cleanup_fclose_ FILE *file = NULL;
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
}

static void load__survives_enomem_in_files_and_folders(void **state)
{
	char folder[] = "/tmp/tw-unit-XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_in_range(enomem_each(load_a_policy, folder, -EINVAL, -EINVAL), 1, 100);
	write_file(folder, "a.yaml", valid_text);
	write_file(folder, "b.yaml", HEAD "  - {name: other, user_timeout: 30s}\n");
	assert_in_range(enomem_each(load_a_policy, folder, 0, 0), 100, 10000);
	snprintf(path, sizeof(path), "%s/a.yaml", folder);
	assert_in_range(enomem_each(load_a_policy, path, 0, 0), 100, 10000);
	assert_int_equal(unlink(path), 0);
	assert_in_range(enomem_each(load_a_policy, path, -ENOENT, -ENOENT), 1, 100);
	snprintf(path, sizeof(path), "%s/b.yaml", folder);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_in_range(enomem_each(load_a_policy, NULL, 0, 0), 50, 10000);
}

static int compile_a_model(void *data)
{
	struct tw_compiled compiled;
	int r;

	fill(&compiled, sizeof(compiled));
	r = tw_compile(data, NULL, &compiled);
	if (r < 0)
		assert_filled(&compiled, sizeof(compiled));
	else
		tw_compiled_free(&compiled);
	return r;
}

static void compile__survives_enomem(void **state)
{
	_cleanup_model_ struct tw_model model = policies_valid(POLICIES);

	(void)state;
	assert_in_range(enomem_each(compile_a_model, &model, 0, -ENOMEM), 5, 20);
}

static int find_tripped(void *data)
{
	struct tw_loaded *loaded = calloc(1, sizeof(*loaded));
	struct tw_set tripped;
	int r = -ENOMEM;

	fill(&tripped, sizeof(tripped));
	if (loaded)
		r = tw_trip_of(loaded, data, &tripped);
	if (r < 0)
		assert_filled(&tripped, sizeof(tripped));
	free(loaded);
	return r;
}

static void trip__survives_enomem(void **state)
{
	_cleanup_model_ struct tw_model model = policies_valid(POLICIES);

	(void)state;
	assert_in_range(enomem_each(find_tripped, &model, 0, -ENOMEM), 2, 20);
}

static int parse_a_fleet(void *data)
{
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	struct tw_fleet fleet;
	int r;

	fill(&fleet, sizeof(fleet));
	r = tw_fleet_parse("f", data, strlen(data), &diags, &fleet);
	if (r < 0)
		assert_filled(&fleet, sizeof(fleet));
	else
		tw_fleet_free(&fleet);
	return r;
}

static void fleet__survives_enomem(void **state)
{
	char good[] = "a\nb # the second\n\nc\n", bad[] = "a\nb c\na\n";

	(void)state;
	assert_in_range(enomem_each(parse_a_fleet, good, 0, -ENOMEM), 4, 20);
	assert_in_range(enomem_each(parse_a_fleet, bad, -EINVAL, -EINVAL), 4, 40);
}

/* A model, and what it compiles to. */
struct answerable {
	struct tw_model model;
	struct tw_compiled compiled;
};

static struct answerable answerable(void)
{
	struct answerable answerable = { .model = policies_valid(POLICIES) };

	assert_int_equal(tw_compile(&answerable.model, NULL, &answerable.compiled), 0);
	return answerable;
}

static void answerable_free(struct answerable *answerable)
{
	tw_model_free(&answerable->model);
	tw_compiled_free(&answerable->compiled);
}

static int ask(const struct answerable *answerable, struct tw_answer *ret_answer)
{
	struct tw_endpoint remote = { .port = 80 };
	struct tw_question question = {
		.cgroup = "/system.slice/a.service",
		.direction = TW_OUT,
		.remote = &remote,
	};

	return tw_explain(&answerable->model, &answerable->compiled, &question, ret_answer);
}

static int explain(void *data)
{
	struct tw_answer answer;
	int r;

	fill(&answer, sizeof(answer));
	r = ask(data, &answer);
	if (r < 0)
		assert_filled(&answer, sizeof(answer));
	else
		tw_answer_free(&answer);
	return r;
}

/* JSON is whole, or it is not there. */
static int explain_as_json(void *data)
{
	_cleanup_explanation_ struct tw_explanation explanation = TW_EXPLANATION_INIT;
	struct answerable *answerable = data;
	int r = ask(answerable, &explanation.answer);
	json_t *json;

	if (r < 0)
		return r;
	explanation.model = &answerable->model;
	tw_diags_add(&explanation.warnings, TW_WARNING, (struct tw_mark){ .file = "" }, "careful");
	if (explanation.warnings.truncated)
		return -ENOMEM;
	json = tw_explanation_json(&explanation);
	if (!json)
		return -ENOMEM;
	assert_int_equal(json_array_size(json_object_get(json, "considered")), 4);
	assert_int_equal(json_array_size(json_object_get(json, "warnings")), 1);
	json_decref(json);
	return 0;
}

static void explain__survives_enomem(void **state)
{
	_cleanup_(answerable_free) struct answerable answerable_ = answerable();

	(void)state;
	assert_in_range(enomem_each(explain, &answerable_, 0, -ENOMEM), 5, 20);
	assert_in_range(enomem_each(explain_as_json, &answerable_, 0, -ENOMEM), 50, 1000);
}

static int say_the_times(void *data)
{
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;
	struct tw_timing_system system = TW_TIMING_SYSTEM_DEFAULT;
	struct tw_options options = { .value = { 10, 3, 90000, 1, 60 } };
	struct tw_timing timing;
	int r;

	(void)data;
	tw_timing_predict(&options, &system, &timing);
	r = tw_timing_idle_words(&options, &timing, &buf);
	if (r == 0)
		r = tw_timing_busy_words(&options, &system, &buf);
	if (r == 0)
		r = tw_timing_zero_window_words(&options, &system, &buf);
	return r < 0 ? r : tw_timing_connect_words(&options, &system, &buf);
}

static void timing__survives_enomem(void **state)
{
	(void)state;
	assert_in_range(enomem_each(say_the_times, NULL, 0, -ENOMEM), 1, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf__survives_enomem),
		cmocka_unit_test(diag__survives_enomem),
		cmocka_unit_test(file__survives_enomem),
		cmocka_unit_test(path__survives_enomem),
		cmocka_unit_test(mounts__survives_enomem),
		cmocka_unit_test(load__survives_enomem_in_a_valid_policy),
		cmocka_unit_test(load__survives_enomem_in_a_wrong_policy),
		cmocka_unit_test(load__survives_enomem_in_files_and_folders),
		cmocka_unit_test(compile__survives_enomem),
		cmocka_unit_test(trip__survives_enomem),
		cmocka_unit_test(fleet__survives_enomem),
		cmocka_unit_test(explain__survives_enomem),
		cmocka_unit_test(timing__survives_enomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
