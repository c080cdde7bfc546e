/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints as data. */
#include "endpoint/endpoint.h"

#include <stddef.h>

#include "api/failure.h"
#include "base/alloc.h"
#include "base/message.h"
#include "base/text.h"

struct soket_endpoint {
	struct skt_endpoint e;
	char *text; /* canonical */
};

static int count(const char *const *words)
{
	int n = 0;

	while (words[n])
		n++;
	return n;
}

static int endpoint_keep_text(struct soket_endpoint *e, struct skt_error *err)
{
	struct skt_text canonical = { 0 };

	skt_endpoint_print(&e->e, &canonical);
	e->text = skt_text_take(&canonical);
	return e->text ? 0 : skt_fail_memory(err);
}

/* The end of every reading: `failed` is what it said, `e` what it filled. */
static struct soket_endpoint *endpoint_done(struct soket_endpoint *e, int failed, struct skt_error *why,
					    struct soket_error *err)
{
	if (e && failed == 0)
		failed = endpoint_keep_text(e, why);
	if (failed == 0)
		return e;
	(void)skt_api_fail(err, why);
	soket_endpoint_free(e);
	return NULL;
}

struct soket_endpoint *soket_endpoint_parse(const char *text, struct soket_error *err)
{
	struct soket_endpoint *e = SKT_NEW(struct soket_endpoint);
	struct skt_error why;

	return endpoint_done(e, e ? skt_endpoint_parse(text, &e->e, &why) : skt_fail_memory(&why), &why, err);
}

struct soket_endpoint *soket_endpoint_from_words(const char *const *words, struct soket_error *err)
{
	struct soket_endpoint *e = SKT_NEW(struct soket_endpoint);
	struct skt_error why;
	int failed = e ? 0 : skt_fail_memory(&why);

	if (e && !words[0])
		failed = skt_fail_at(&why, 0, "%s", _("the address is missing"));
	else if (e)
		failed = skt_endpoint_from_words(words, count(words), &e->e, &why);
	return endpoint_done(e, failed, &why, err);
}

struct soket_endpoint *soket_endpoint_from_command(const char *const *argv, struct soket_error *err)
{
	struct soket_endpoint *e = SKT_NEW(struct soket_endpoint);
	struct skt_error why;
	int failed = e ? 0 : skt_fail_memory(&why);

	if (e && !argv[0])
		failed = skt_fail_at(&why, 0, "%s", _("the program is missing"));
	else if (e)
		failed = skt_endpoint_from_command(argv, count(argv), &e->e, &why);
	return endpoint_done(e, failed, &why, err);
}

void soket_endpoint_free(struct soket_endpoint *e)
{
	if (!e)
		return;
	skt_endpoint_release(&e->e);
	skt_free(e->text);
	skt_free(e);
}

const char *soket_endpoint_print(const struct soket_endpoint *e)
{
	return e->text;
}

const char *soket_endpoint_scheme(const struct soket_endpoint *e)
{
	return skt_endpoint_transport(&e->e)->name;
}

const char *soket_endpoint_layer(const struct soket_endpoint *e, int i)
{
	return i >= 0 && i < e->e.n_layer ? e->e.layer[i]->name : NULL;
}

static bool endpoint_is(const struct soket_endpoint *e, enum skt_form form)
{
	return skt_endpoint_transport(&e->e)->form == form;
}

const char *soket_endpoint_host(const struct soket_endpoint *e)
{
	return endpoint_is(e, SKT_FORM_HOST) || endpoint_is(e, SKT_FORM_VSOCK) ? e->e.host : NULL;
}

int64_t soket_endpoint_port(const struct soket_endpoint *e)
{
	if (endpoint_is(e, SKT_FORM_VSOCK))
		return e->e.vport;
	return endpoint_is(e, SKT_FORM_HOST) ? e->e.port : -1;
}

const char *soket_endpoint_address(const struct soket_endpoint *e)
{
	return e->e.address;
}

const char *soket_endpoint_option(const struct soket_endpoint *e, const char *key)
{
	return skt_endpoint_string(&e->e, key, NULL);
}
