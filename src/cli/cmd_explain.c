/* SPDX-License-Identifier: Apache-2.0 */
/* soket explain: what a text means, with no network traffic and no name looked up.
 *
 * How it works. The words "socket" and "port" are explained as words; a number or the name of a service alone as a
 * port; all else as an endpoint. An endpoint in one shell word may have its options inside, behind blanks, as in a
 * configuration file. */
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "base/word.h"
#include "cli/commands.h"
#include "cli/explain.h"
#include "cli/explain_connect.h"
#include "cli/portword.h"
#include "cli/say.h"
#include "endpoint/option.h"
#include "endpoint/portclass.h"
#include "endpoint/service.h"

static bool explain_is_word(const char *word, bool *socket, bool *port)
{
	if (strcmp(word, "socket") == 0)
		*socket = true;
	else if (strcmp(word, "port") == 0)
		*port = true;
	else
		return false;
	return true;
}

/* Whether every word is "socket" or "port". */
static bool explain_are_words(const struct skt_args *args, bool *socket, bool *port)
{
	for (int i = 0; i < args->n_words; i++)
		if (!explain_is_word(args->word[i], socket, port))
			return false;
	return args->n_words > 0;
}

static int explain_say(int ret)
{
	return ret < 0 ? -ret : SKT_OK;
}

static int explain_port(int port, const char *protocol, bool json)
{
	return explain_say(json ? skt_explain_port_json(port, protocol) : skt_explain_port(port, protocol));
}

/* Paths, programs and texts may hold blanks: the word is one address, unless options of theirs, or quotes, are behind
 * it. */
static bool explain_has_options(const char *word, const struct skt_endpoint *whole)
{
	enum skt_form form = skt_endpoint_transport(whole)->form;
	const char *colon = strchr(word, ':');

	if (word[0] == '"' || (colon && colon[1] == '"'))
		return true;
	for (const char *s = strchr(word, ' '); s && form == SKT_FORM_PATH; s = strchr(s + 1, ' ')) {
		size_t n = skt_option_key(s + 1);
		char key[64] = "";

		if (n == 0 || n >= sizeof(key) || s[1 + n] != '=')
			continue;
		memcpy(key, s + 1, n);
		if (skt_option_find(whole, key))
			return true;
	}
	return false;
}

/* One word with blanks: as one string, or whole. */
static int explain_one_word(const char *word, struct skt_endpoint *ret, struct skt_error *err)
{
	bool is_whole = skt_endpoint_from_words(&word, 1, ret, NULL) == 0;

	if (is_whole && !explain_has_options(word, ret))
		return 0;
	if (is_whole)
		skt_endpoint_release(ret);
	return skt_endpoint_parse(word, ret, err);
}

static int explain_parse(const struct skt_args *args, struct skt_endpoint *ret, struct skt_error *err)
{
	int at = 0, r;

	if (args->has_after)
		return skt_endpoint_from_command(args->after, args->n_after, ret, err);
	if (args->n_words == 1 && strpbrk(args->word[0], " \t"))
		return explain_one_word(args->word[0], ret, err);
	r = skt_args_endpoint(args, &at, _("an endpoint, a port or a service"), ret, err);
	if (r < 0)
		return r;
	r = skt_args_finish(args, at, err);
	if (r < 0)
		skt_endpoint_release(ret);
	return r;
}

/* A word alone that nobody knows: it may be a service, a scheme or one of our words, mistyped. */
static bool explain_fail_word(const char *word, struct skt_error *err)
{
	struct skt_nearest nearest = { .wanted = word };
	const struct skt_scheme *scheme = skt_scheme_find(word, strlen(word));
	const struct skt_service *service;

	if (!*word || word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")] ||
	    !strpbrk(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
		return false;
	for (size_t i = 0; (service = skt_service_at(i)); i++)
		skt_nearest_offer(&nearest, service->name);
	skt_nearest_offer(&nearest, "socket");
	skt_nearest_offer(&nearest, "port");
	skt_fail_at(err, 0, _("neither an endpoint nor a service: %.60s"), word);
	if (scheme)
		skt_hint(err, _("%s is a scheme, such as in: soket explain %s"), scheme->name, scheme->example);
	else if (nearest.word)
		skt_hint(err, _("did you mean %s?"), nearest.word);
	else
		skt_hint(err, "%s", _("for a host, add a port: example.com:443"));
	return true;
}

static int explain_fail(const struct skt_args *args, struct skt_error *err, bool json)
{
	char *source = skt_say_source(args, 0);
	int ret;

	if (args->n_words == 1 && !args->has_after)
		(void)explain_fail_word(args->word[0], err);
	ret = skt_say_error(err, source, json);
	skt_free(source);
	return ret;
}

static int explain_endpoint(const struct skt_args *args, bool json)
{
	struct skt_endpoint e = { 0 };
	struct skt_error err = { 0 };
	struct skt_text canonical = { 0 };
	char *written;
	int ret;

	if (explain_parse(args, &e, &err) < 0)
		return explain_fail(args, &err, json);
	if (skt_args_has(args, "connect")) {
		ret = skt_explain_connect(&e, json);
		skt_endpoint_release(&e);
		return ret;
	}
	skt_endpoint_print(&e, &canonical);
	written = args->has_after ? skt_text_take(&canonical) : skt_say_source(args, 0);
	if (json)
		ret = skt_explain_endpoint_json(&e);
	else if (written)
		ret = skt_explain_endpoint(&e, written);
	else
		ret = skt_fail_memory(&err);
	skt_text_release(&canonical);
	skt_free(written);
	skt_endpoint_release(&e);
	return err.kind ? skt_say_error(&err, NULL, json) : explain_say(ret);
}

static int explain_run(const struct skt_args *args)
{
	bool json = skt_args_has(args, "json"), socket = false, port = false;
	const char *protocol;
	int number;

	if (!args->has_after && explain_are_words(args, &socket, &port))
		return explain_say(json ? skt_explain_words_json(socket, port) : skt_explain_words(socket, port));
	if (!args->has_after && args->n_words == 1 && skt_portword_read(args->word[0], &number, &protocol))
		return explain_port(number, protocol, json);
	return explain_endpoint(args, json);
}

static const struct skt_flag flags[] = {
	{ .name = "connect", .help = N_("go there, and say what is found: certificates, versions, whether it is good") },
	{ .name = NULL },
};

static const struct skt_example examples[] = {
	{ "soket explain 192.168.1.1:80", N_("each part of a socket address, and what it means") },
	{ "soket explain https", N_("a service: its port, and who uses it") },
	{ "soket explain 22 --json", N_("a port, for a script") },
	{ "soket explain tls://[2001:db8::1]:8443 alpn=h2", N_("an endpoint with an option") },
	{ "soket explain --connect tls://example.com:443",
	  N_("the certificates of a server, and what is wrong with them") },
	{ "soket explain socket port", N_("what the two words mean, side by side") },
	{ NULL, NULL },
};

const struct skt_command skt_cmd_explain = {
	.name = "explain",
	.summary = N_("say what an endpoint, a port or a service means, or what is found there"),
	.synopsis = "ENDPOINT [KEY=VALUE]...\nPORT\nSERVICE\nsocket port",
	.description = N_(
		"Takes an endpoint apart and explains each part in plain words: its role, its scheme and layers, the kind of address "
		"and the RFC that says so, the class and service of its port, and every option in force, those written and those "
		"that are the default. A port or the name of a service alone is explained too, and so are the words socket and "
		"port.\n\nNothing is sent, and no name is looked up: it is safe to explain anything. Only "
		"with --connect the endpoint is dialled, as soket connect would, and hung up at once."),
	.flags = flags,
	.examples = examples,
	.takes_endpoints = 1,
	.words = "@port",
	.run = explain_run,
};
