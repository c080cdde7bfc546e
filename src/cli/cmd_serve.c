/* SPDX-License-Identifier: Apache-2.0 */
/* soket serve: a directory over HTTP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "cli/commands.h"
#include "cli/joining.h"
#include "cli/redirecting.h"
#include "cli/say.h"
#include "cli/serve.h"
#include "cli/viewing.h"
#include "http/log.h"
#include "http/password.h"
#include "http/server.h"
#include "http/site.h"
#include "transport/transport.h"

enum { SERVE_PORT = 8080, SERVE_PORTS = 10 };

struct serve {
	struct skt_joining j;
	struct skt_site_options options;
	struct skt_http_options http;
	struct skt_http_log log;
	struct skt_site *site;
	struct skt_passwords *passwords;
	struct skt_redirecting *redirecting;
	struct skt_text lines; /* of --header */
	char *dir;             /* the real path */
	int at;                /* where the endpoint's words begin */
	int port;              /* the next to try, where none was asked for; 0: any; -1: it was asked for */
};

static bool serve_is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Whether a word is the directory rather than the endpoint: it is one, or it looks like a path. */
static bool serve_is_dir_word(const char *word)
{
	if (serve_is_directory(word))
		return true;
	if (strchr(word, '=') || word[0] == '@' || word[0] == ':' || word[strspn(word, "0123456789")] == '\0')
		return false;
	return word[0] == '/' || word[0] == '.' || !strchr(word, ':');
}

static int serve_default_endpoint(struct serve *s, struct skt_error *err)
{
	char text[16];

	s->port = SERVE_PORT;
	(void)snprintf(text, sizeof(text), ":%d", s->port++);
	return skt_endpoint_parse(text, &s->j.from, err);
}

/* The default port is taken: the next ones, then any. */
static bool serve_next(struct skt_joining *j)
{
	struct serve *s = j->user;
	struct skt_endpoint next = { 0 };
	char text[16];

	if (s->port <= 0)
		return false;
	if (s->port >= SERVE_PORT + SERVE_PORTS)
		s->port = 0;
	(void)snprintf(text, sizeof(text), ":%d", s->port);
	if (skt_endpoint_parse(text, &next, NULL) < 0 || skt_endpoint_settle(&next, SKT_ROLE_LISTEN, NULL) < 0)
		return false;
	s->port = s->port ? s->port + 1 : -1;
	skt_endpoint_release(&j->from);
	j->from = next;
	return true;
}

static int serve_words(struct serve *s, struct skt_error *err)
{
	const struct skt_args *args = s->j.args;
	const char *dir = ".";
	int ret;

	s->port = -1;
	if (args->n_words > 0 && serve_is_dir_word(args->word[0]))
		dir = args->word[s->at++];
	if (s->at < args->n_words)
		ret = skt_args_endpoint(args, &s->at, _("an endpoint"), &s->j.from, err);
	else
		ret = serve_default_endpoint(s, err);
	if (ret == 0)
		ret = skt_args_finish(args, s->at, err);
	if (ret < 0)
		return ret;
	s->dir = realpath(dir, NULL);
	s->options.dir = s->dir ? s->dir : dir;
	return skt_serve_check(&s->j.from, err);
}

/* --header 'Name: value', as a line of every answer. */
static int serve_header(struct serve *s, const char *text, struct skt_error *err)
{
	static const char *const ours[] = { "connection", "content-length", "transfer-encoding",
					    "date",       "content-range",  "content-encoding" };
	size_t name = strcspn(text, ":");
	const char *value = text + name + (text[name] == ':');

	if (name == 0 || text[name] != ':' || strcspn(text, " \t\r\n\"(),/;<=>?@[\\]{}") < name ||
	    strpbrk(value, "\r\n")) {
		(void)skt_fail(err, SKT_E_USAGE, 0, _("--header %.120s is no field of HTTP"), text);
		skt_hint(err, "%s", _("for example: --header 'Cache-Control: no-store'"));
		err->at = -1;
		return -SKT_E_USAGE;
	}
	for (size_t i = 0; i < SKT_LENGTH(ours); i++)
		if (strlen(ours[i]) == name && strncasecmp(ours[i], text, name) == 0) {
			(void)skt_fail(err, SKT_E_USAGE, 0, _("--header %.120s: that field is the server's own"), text);
			err->at = -1;
			return -SKT_E_USAGE;
		}
	value += strspn(value, " \t");
	skt_text_addf(&s->lines, "%.*s: %s\r\n", (int)name, text, value);
	return 0;
}

static int serve_passwords(struct serve *s, struct skt_error *err)
{
	const char *text;

	s->passwords = skt_passwords_new();
	if (!s->passwords)
		return skt_fail_memory(err);
	for (int i = 0; (text = skt_args_each(s->j.args, "auth", i)) != NULL; i++)
		if (skt_passwords_add(s->passwords, text, err) < 0)
			return -(int)err->kind;
	for (int i = 0; (text = skt_args_each(s->j.args, "auth-file", i)) != NULL; i++) {
		if (skt_passwords_add_file(s->passwords, text, err) < 0)
			return -(int)err->kind;
		if (skt_passwords_is_empty(s->passwords))
			return skt_fail(err, SKT_E_USAGE, 0, _("%.200s names no user: nobody could come in"), text);
	}
	if (!skt_passwords_is_empty(s->passwords))
		s->options.passwords = s->passwords;
	return 0;
}

static void serve_log_line(void *user, const char *line, size_t n)
{
	(void)user;
	(void)n;
	(void)skt_say_out(line);
}

static enum skt_http_logform serve_logform(const struct skt_args *args)
{
	bool person = isatty(1) && !skt_args_has(args, "json");

	return (enum skt_http_logform)skt_args_number(args, "log", person ? SKT_LOG_COMBINED : SKT_LOG_NONE);
}

static int serve_flags(struct serve *s, struct skt_error *err)
{
	const struct skt_args *args = s->j.args;
	struct skt_site_options *o = &s->options;
	const char *header;

	o->spa = skt_args_has(args, "spa");
	o->cors = skt_args_has(args, "cors");
	o->follows = skt_args_has(args, "follow");
	o->hidden = skt_args_has(args, "hidden");
	o->no_listing = skt_args_has(args, "no-listing");
	o->no_compress = skt_args_has(args, "no-compress");
	o->uploads = skt_args_has(args, "upload");
	o->upload_max = skt_args_number(args, "upload-max", 0);
	for (int i = 0; (header = skt_args_each(args, "header", i)) != NULL; i++)
		if (serve_header(s, header, err) < 0)
			return -SKT_E_USAGE;
	if (s->lines.failed)
		return skt_fail_memory(err);
	if (serve_passwords(s, err) < 0) {
		err->at = -1;
		return -(int)err->kind;
	}
	o->lines = skt_text_get(&s->lines);
	s->http.idle = skt_args_number(args, "idle", 0);
	s->http.mover = (enum skt_mover_choice)skt_args_number(args, "mover", SKT_MOVER_AUTO);
	s->http.is_tls = skt_serve_is_tls(&s->j.from);
	s->log = (struct skt_http_log){ .form = serve_logform(args), .line = serve_log_line };
	if (s->log.form != SKT_LOG_NONE)
		s->http.log = &s->log;
	return 0;
}

static int serve_announce(struct skt_joining *j, const struct skt_listener *l, struct skt_error *err)
{
	struct serve *s = j->user;

	const char *redirect = skt_args_string(j->args, "redirect", NULL);
	int ret = 0;

	if (redirect && !s->http.is_tls) {
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("--redirect leads to https, and that is not served here"));
		skt_hint(err, "%s", _("serve it by tls://, for example: soket serve . tls://:443 --redirect :80"));
		ret = -SKT_E_USAGE;
	} else if (redirect) {
		ret = skt_redirecting_start(redirect, (int)skt_addr_port(&l->socket[0].addr), &s->redirecting, err);
	}
	if (s->redirecting)
		skt_redirecting_say(s->redirecting, skt_args_has(j->args, "json"));
	return ret < 0 ? ret : skt_serve_announce(j->args, &j->from, l, s->options.dir, err);
}

static int serve_prepare(struct serve *s, struct skt_error *err)
{
	struct skt_text to = { 0 };
	int ret = serve_flags(s, err);

	if (ret == 0)
		ret = skt_site_new(&s->options, &s->site, err);
	if (ret < 0)
		return ret;
	s->http.handler = skt_site_handler(s->site);
	ret = skt_http_server_new(&s->http, &s->j.service, err);
	/* links are to what is served; its name need not be one that endpoints can be written with */
	skt_text_add(&to, "file:.");
	if (ret == 0)
		ret = skt_endpoint_parse(skt_text_get(&to), &s->j.to, err);
	skt_text_release(&to);
	s->j.reads = s->options.follows ? "/" : s->options.dir;
	s->j.writes = s->options.uploads ? s->options.dir : NULL;
	s->j.names = s->log.form == SKT_LOG_JSON;
	s->j.announce = serve_announce;
	s->j.next = serve_next;
	s->j.user = s;
	return ret;
}

static int serve_run(const struct skt_args *args)
{
	struct serve s = { .j = { .args = args, .listens = true } };
	struct skt_error err = { .at = -1 };
	int ret = serve_words(&s, &err);

	if (ret == 0)
		ret = serve_prepare(&s, &err);
	if (ret == 0) {
		ret = skt_joining_run(&s.j);
	} else {
		skt_endpoint_release(&s.j.from);
		skt_endpoint_release(&s.j.to);
		ret = skt_joining_refuse(args, s.at, &err);
	}
	skt_redirecting_stop(s.redirecting);
	skt_http_server_free(s.j.service);
	skt_site_free(s.site);
	skt_passwords_free(s.passwords);
	skt_text_release(&s.lines);
	free(s.dir);
	return ret;
}

static const struct skt_flag serve_flag_table[] = {
	{ .name = "spa", .help = N_("what is not there is /index.html: for applications that route by themselves") },
	{ .name = "cors", .help = N_("pages of any origin may read") },
	{ .name = "header",
	  .type = SKT_OPT_STRING,
	  .argument = "FIELD",
	  .many = true,
	  .help = N_("add a field to every answer: 'Name: value'") },
	{ .name = "auth",
	  .type = SKT_OPT_STRING,
	  .argument = "USER:PASSWORD",
	  .many = true,
	  .help = N_("ask for a password; every process of this machine can read the command line") },
	{ .name = "auth-file",
	  .type = SKT_OPT_STRING,
	  .argument = "FILE",
	  .many = true,
	  .help = N_("users and hashed passwords, user:hash a line: SHA-512, bcrypt, yescrypt, Argon2") },
	{ .name = "upload", .help = N_("take files: from a form on each directory's page, and by PUT (curl -T)") },
	{ .name = "upload-max",
	  .type = SKT_OPT_SIZE,
	  .min = 1,
	  .max = INT64_MAX,
	  .argument = "SIZE",
	  .help = N_("a file that is uploaded may have that size (no limit)") },
	{ .name = "follow", .help = N_("symbolic links may lead out of DIR") },
	{ .name = "hidden", .help = N_("show and serve names that begin with a dot") },
	{ .name = "no-listing", .help = N_("refuse a directory that has no index.html") },
	{ .name = "no-compress", .help = N_("send everything as it is") },
	{ .name = "redirect",
	  .type = SKT_OPT_STRING,
	  .argument = "ENDPOINT",
	  .help = N_("with tls://, listen there too, and send plain HTTP to https") },
	{ .name = "qr", .help = N_("show the URL as a QR code, for a phone") },
	{ .name = "log",
	  .type = SKT_OPT_WORD,
	  .choices = "none|combined|json",
	  .argument = "FORM",
	  .help = N_("a line for each request on stdout (combined on a terminal, else none)") },
	SKT_FLAG_MAX,
	SKT_FLAG_ALLOW,
	SKT_FLAG_DENY,
	{ .name = "idle",
	  .type = SKT_OPT_DURATION,
	  .min = SKT_MS,
	  .max = INT64_MAX,
	  .argument = "DURATION",
	  .help = N_("how long a connection may wait for its next request, or an answer for its reader (60s)") },
	SKT_FLAG_GRACE,
	SKT_FLAG_THREADS,
	SKT_FLAG_STATS,
	SKT_FLAG_MOVER,
	SKT_FLAG_VIEW,
	{ .name = NULL },
};

static const struct skt_example serve_examples[] = {
	{ "soket serve", N_("this directory, on a free port near 8080, for this machine only") },
	{ "soket serve dist :3000 --spa", N_("a built application, whose paths are its own") },
	{ "soket serve . any:8000 --upload", N_("everybody in the network reads, and puts files here") },
	{ "soket serve ~/site tls://:8443", N_("over TLS, with a certificate that is made on the spot") },
	{ NULL, NULL },
};

const struct skt_command skt_cmd_serve = {
	.name = "serve",
	.summary = N_("a directory over HTTP, for browsers and curl"),
	.synopsis = "[DIR] [ENDPOINT [OPTION=VALUE]...] [FLAGS]",
	.description = N_(
		"Serves the files of DIR (this directory) over HTTP/1.1, on a free port near 8080 of this machine's loopback network, or where "
		"ENDPOINT says, and prints every URL that leads there. tls:// speaks https: without cert= a certificate is made on the "
		"spot.\n\n"
		"A directory shows its index.html, or a list of what is in it (as JSON for Accept: application/json). Files go out by the "
		"kernel's sendfile, in parts where a client asks for them, compressed where that is worth it, and from a sibling NAME.br, "
		"NAME.zst or NAME.gz where there is one. A file that is changed is seen at once.\n\n"
		"Nothing outside of DIR can be reached: neither by the path nor by symbolic links (unless --follow), and the process gives up "
		"its rights to everything else. Names that begin with a dot are not there (unless --hidden).\n\n"
		"With --upload, PUT and the form of a directory's page write files; each appears whole or not at all. A PUT that was cut is "
		"gone on with by Content-Range: 'bytes */SIZE' asks how much is there, and Upload-Offset answers."),
	.flags = serve_flag_table,
	.examples = serve_examples,
	.takes_endpoints = 1,
	.run = serve_run,
};
