// SPDX-License-Identifier: GPL-2.0-only
#include "policy/load.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/file.h"
#include "policy/schema.h"
#include "policy/tree.h"
#include "policy/warn.h"

/* A load under way. The texts are kept to its end, for the excerpts. */
struct load {
	struct tw_diags *diags;
	struct tw_model model;
	struct tw_buf *texts; /* of model.files, one each */
	size_t errors;	      /* of diags, before */
};

static void load_free(struct load *load)
{
	for (size_t i = 0; i < load->model.file_count; i++)
		tw_buf_free(&load->texts[i]);
	free(load->texts);
	tw_model_free(&load->model);
}
#define _cleanup_load_ _cleanup_(load_free)

/* Make room for one more file; its name is then borrowed by all marks in it. */
static int add_file(struct load *load, const char *name)
{
	struct tw_model *model = &load->model;
	char **files = reallocarray(model->files, model->file_count + 1, sizeof(*files));
	struct tw_buf *texts;

	if (!files)
		return -ENOMEM;
	model->files = files;
	texts = reallocarray(load->texts, model->file_count + 1, sizeof(*texts));
	if (!texts)
		return -ENOMEM;
	load->texts = texts;
	files[model->file_count] = strdup(name);
	if (!files[model->file_count])
		return -ENOMEM;
	texts[model->file_count++] = TW_BUF_INIT;
	return 0;
}

/* Read the file added last; what is wrong with it is in the diagnostics. */
static int read_text(struct load *load)
{
	size_t last = load->model.file_count - 1;
	const struct tw_buf *text = &load->texts[last];
	_cleanup_node_ struct tw_node root = TW_NODE_INIT;
	int r = tw_tree_parse(load->model.files[last], tw_buf_string(text), text->len, load->diags,
			      &root);

	if (r < 0)
		return r;
	return tw_schema_read(&root, load->diags, &load->model);
}

/* What is wrong with a file, or a folder, as a whole. */
static int refuse_file(struct load *load, const char *path, int error)
{
	struct tw_mark mark = { .file = path };

	if (error == -EFBIG)
		tw_diags_add(load->diags, TW_ERROR, mark,
			     "a policy file must be smaller than 1 MiB");
	else if (error == -EINVAL)
		tw_diags_add(load->diags, TW_ERROR, mark, "not a regular file");
	else
		tw_diags_add(load->diags, TW_ERROR, mark, "cannot read it: %s", strerror(-error));
	return error;
}

static int load_file(struct load *load, const char *path)
{
	_cleanup_buf_ struct tw_buf text = TW_BUF_INIT;
	int r = tw_file_read(path, TW_MAX_POLICY_FILE, &text);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return refuse_file(load, path, r);
	r = add_file(load, path);
	if (r < 0)
		return r;
	load->texts[load->model.file_count - 1] = text;
	text = TW_BUF_INIT;
	return read_text(load);
}

/* Hidden files too are left out: a ConfigMap's folder holds ..data and the like. */
static int is_policy_file(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && !strcmp(entry->d_name + len - 5, ".yaml");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_entry(struct load *load, const char *folder, const char *name)
{
	const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s%s%s", folder, slash, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return load_file(load, path);
}

/* Load all, so that all is reported; the first failure is the result. */
static int load_entries(struct load *load, const char *folder, struct dirent **entries, int count)
{
	struct tw_mark mark = { .file = folder };
	int result = 0;

	if (!count)
		tw_diags_add(load->diags, TW_ERROR, mark, "no *.yaml in this folder");
	if (count > TW_MAX_POLICY_FILES)
		tw_diags_add(load->diags, TW_ERROR, mark, "more than %d *.yaml in this folder",
			     TW_MAX_POLICY_FILES);
	if (!count || count > TW_MAX_POLICY_FILES)
		return -EINVAL;
	for (int i = 0; i < count && result != -ENOMEM; i++) {
		int r = load_entry(load, folder, entries[i]->d_name);

		if (!result || r == -ENOMEM)
			result = r;
	}
	return result;
}

static int load_folder(struct load *load, const char *folder)
{
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, is_policy_file, by_name);
	int r;

	if (count < 0)
		return errno == ENOMEM ? -ENOMEM : refuse_file(load, folder, -errno);
	r = load_entries(load, folder, entries, count);
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	return r;
}

/* After all files: what holds for all policies at once, warnings, excerpts. */
static int finish(struct load *load, struct tw_model *ret_model)
{
	struct tw_model *model = &load->model;
	bool valid = load->diags->errors == load->errors;

	for (size_t i = 0; i < model->count; i++)
		model->policies[i].observe |= model->observe;
	if (valid)
		tw_warn(model, load->diags);
	for (size_t i = 0; i < model->file_count; i++)
		tw_diags_excerpt(load->diags, model->files[i], tw_buf_string(&load->texts[i]),
				 load->texts[i].len);
	if (!valid)
		return -EINVAL;
	for (size_t i = 0; i < model->file_count; i++)
		tw_buf_free(&load->texts[i]);
	free(TAKE_PTR(load->texts));
	*ret_model = *model;
	*model = TW_MODEL_INIT;
	return 0;
}

int tw_policy_parse(const char *name, const char *text, size_t len, struct tw_diags *diags,
		    struct tw_model *ret_model)
{
	_cleanup_load_ struct load load = { .diags = diags, .errors = diags->errors };
	int r = add_file(&load, name);

	if (r == 0)
		r = tw_buf_add(&load.texts[0], text, len);
	if (r == 0)
		r = read_text(&load);
	if (r == -ENOMEM)
		return r;
	return finish(&load, ret_model);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int tw_policy_load(const char *path, struct tw_diags *diags, struct tw_model *ret_model)
{
	_cleanup_load_ struct load load = { .diags = diags, .errors = diags->errors };
	int r, end;

	if (!path)
		return tw_policy_parse(TW_DEFAULT_POLICY_NAME, tw_default_policy,
				       strlen(tw_default_policy), diags, ret_model);
	r = is_folder(path) ? load_folder(&load, path) : load_file(&load, path);
	if (r == -ENOMEM)
		return r;
	end = finish(&load, ret_model);
	return r < 0 ? r : end;
}
