/* SPDX-License-Identifier: Apache-2.0 */
/* Any text, as an endpoint: nothing crashes, errors point into the text, and what is accepted prints to a text that
 * reads back as the same endpoint. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint/cidr.h"
#include "endpoint/endpoint.h"

enum { WORDS_MAX = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_stop(const char *why, const char *a, const char *b)
{
	(void)fprintf(stderr, "%s\n  %s\n  %s\n", why, a, b);
	abort();
}

static bool fuzz_same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool fuzz_same(const struct skt_endpoint *a, const struct skt_endpoint *b)
{
	bool same = a->role == b->role && a->n_layer == b->n_layer && a->port == b->port && a->family == b->family &&
		    a->vport == b->vport && a->vcid == b->vcid && a->argc == b->argc && a->n_opt == b->n_opt &&
		    fuzz_same_text(a->zone, b->zone);

	enum skt_form form = skt_endpoint_transport(a)->form;

	/* A host may be written in several ways, a command quoted in several; everything else stays byte for byte. */
	if (same && form != SKT_FORM_HOST && form != SKT_FORM_VSOCK && form != SKT_FORM_COMMAND)
		same = fuzz_same_text(a->address, b->address);
	for (int i = 0; same && i < a->n_layer; i++)
		same = a->layer[i] == b->layer[i];
	for (int i = 0; same && i < a->argc; i++)
		same = fuzz_same_text(a->argv[i], b->argv[i]);
	for (int i = 0; same && i < a->n_opt; i++)
		same = a->opt[i].spec == b->opt[i].spec && a->opt[i].number == b->opt[i].number &&
		       fuzz_same_text(a->opt[i].value, b->opt[i].value);
	return same;
}

/* Prints e, reads that, and prints it again. */
static void fuzz_round_trip(const struct skt_endpoint *e)
{
	struct skt_text first = { 0 }, second = { 0 };
	struct skt_endpoint again;
	struct skt_error err = { 0 };

	skt_endpoint_print(e, &first);
	if (first.len <= SKT_ENDPOINT_TEXT_MAX) {
		if (skt_endpoint_parse(skt_text_get(&first), &again, &err) < 0)
			fuzz_stop("what was printed is not accepted", skt_text_get(&first), err.text);
		skt_endpoint_print(&again, &second);
		if (strcmp(skt_text_get(&first), skt_text_get(&second)) != 0)
			fuzz_stop("two prints differ", skt_text_get(&first), skt_text_get(&second));
		if (!fuzz_same(e, &again))
			fuzz_stop("two endpoints differ", skt_text_get(&first), skt_text_get(&second));
		skt_endpoint_release(&again);
	}
	skt_text_release(&first);
	skt_text_release(&second);
}

static void fuzz_check_error(const char *text, size_t length, const struct skt_error *err)
{
	if (err->kind != SKT_E_USAGE && err->kind != SKT_E_LIMIT)
		fuzz_stop("an error of a kind that parsing has not", text, err->text);
	if (err->text[0] == '\0')
		fuzz_stop("an error without words", text, "");
	if (err->kind == SKT_E_USAGE && (err->at < 0 || (size_t)err->at > length))
		fuzz_stop("an error that points outside the text", text, err->text);
}

static void fuzz_one_string(const char *text)
{
	struct skt_endpoint e;
	struct skt_error err = { 0 };

	if (skt_endpoint_parse(text, &e, &err) < 0) {
		fuzz_check_error(text, strlen(text), &err);
		return;
	}
	fuzz_round_trip(&e);
	for (int place = SKT_ROLE_LISTEN; place <= SKT_ROLE_DIAL; place++)
		(void)skt_endpoint_settle(&e, (enum skt_role)place, &err);
	skt_endpoint_release(&e);
}

/* The same bytes as words of a shell, cut at newlines. */
static void fuzz_words(char *text)
{
	const char *words[WORDS_MAX];
	struct skt_endpoint e;
	struct skt_error err = { 0 };
	size_t length = strlen(text);
	int n = 0;

	for (char *word = text; word && n < WORDS_MAX; n++) {
		char *end = strchr(word, '\n');

		words[n] = word;
		if (end)
			*end++ = '\0';
		word = end;
	}
	if (skt_endpoint_from_words(words, n, &e, &err) < 0) {
		fuzz_check_error(text, length, &err);
	} else {
		fuzz_round_trip(&e);
		skt_endpoint_release(&e);
	}
	if (skt_endpoint_from_command(words, n, &e, &err) == 0) {
		fuzz_round_trip(&e);
		skt_endpoint_release(&e);
	}
}

static void fuzz_cidr(const char *text)
{
	struct skt_cidr cidr, again;
	struct skt_error err = { 0 };
	char printed[SKT_CIDR_LENGTH], second[SKT_CIDR_LENGTH];

	if (skt_cidr_parse(text, &cidr, &err) < 0) {
		fuzz_check_error(text, strlen(text), &err);
		return;
	}
	skt_cidr_print(&cidr, printed);
	if (skt_cidr_parse(printed, &again, &err) < 0 || strcmp(printed, skt_cidr_print(&again, second)) != 0)
		fuzz_stop("a network that does not read back", text, printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	fuzz_one_string(text);
	fuzz_cidr(text);
	fuzz_words(text);
	free(text);
	return 0;
}
