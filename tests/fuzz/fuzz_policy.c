// SPDX-License-Identifier: GPL-2.0-only
/*
 * A policy file, from its bytes to the generation. What is refused says why and
 * where; what is accepted compiles, and its canonical text is accepted again,
 * without a change.
 */
#include <errno.h>

#include "fuzz.h"
#include "lib/utf8.h"
#include "policy/compile.h"
#include "policy/load.h"

/* Each diagnostic is one printable line at a place that the file has. */
static void check_diags(const struct tw_diags *diags)
{
	_cleanup_fclose_ FILE *out = fopen("/dev/null", "we");

	fuzz_check(diags->count <= diags->errors + diags->warnings);
	fuzz_check(diags->truncated || diags->count == diags->errors + diags->warnings);
	for (size_t i = 0; i < diags->count; i++) {
		const struct tw_diag *diag = &diags->list[i];
		size_t len = strlen(diag->message);

		fuzz_check(len > 0 && !strchr(diag->message, '\n'));
		for (size_t at = 0; at < len;) {
			uint32_t c;
			int n = tw_utf8_decode(diag->message + at, len - at, &c);

			fuzz_check(n > 0 && tw_utf8_is_printable(c));
			at += (size_t)n;
		}
		fuzz_check(!diag->mark.line || diag->excerpt);
	}
	if (out)
		tw_diags_print(diags, out);
}

static void check_accepted(const struct tw_model *model)
{
	_cleanup_compiled_ struct tw_compiled compiled = { 0 };
	_cleanup_compiled_ struct tw_compiled again = { 0 };
	_cleanup_model_ struct tw_model back = TW_MODEL_INIT;
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;

	fuzz_check(model->count <= TW_MAX_POLICIES);
	fuzz_check(tw_compile(model, NULL, &compiled) == 0);
	fuzz_check(tw_policy_parse("canonical", compiled.text.data, compiled.text.len, &diags,
				   &back) == 0);
	fuzz_check(tw_compile(&back, NULL, &again) == 0);
	fuzz_check(compiled.text.len == again.text.len);
	fuzz_check(!memcmp(compiled.text.data, again.text.data, again.text.len));
	fuzz_check(!memcmp(compiled.digest, again.digest, sizeof(again.digest)));
	fuzz_check(!memcmp(compiled.generation, again.generation, sizeof(*again.generation)));
	if (again.generation->prefixes)
		fuzz_check(!memcmp(compiled.prefixes, again.prefixes,
				   again.generation->prefixes * sizeof(*again.prefixes)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = fuzz_text(data, size);
	_cleanup_model_ struct tw_model model = TW_MODEL_INIT;
	_cleanup_diags_ struct tw_diags diags = TW_DIAGS_INIT;
	int r = tw_policy_parse("policy.yaml", text, size, &diags, &model);

	fuzz_check(r == 0 || r == -EINVAL);
	fuzz_check((r == 0) == (diags.errors == 0));
	check_diags(&diags);
	if (r == 0)
		check_accepted(&model);
	return 0;
}
