/* SPDX-License-Identifier: Apache-2.0 */
/* `soket explain socket port`: what the two words mean, side by side. */
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/message.h"
#include "cli/column.h"
#include "cli/explain.h"
#include "cli/explain_page.h"
#include "cli/say.h"

struct words_row {
	const char *key;                   /* stable, for scripts */
	const char *label, *socket, *port; /* N_() */
};

/* Columns: a label and two cells, two blanks before each. */
enum { WORDS_GAP = 2, WORDS_LABEL = 10, WORDS_CELL = 31 };

static const struct words_row rows[] = {
	{ "is", N_("what it is"), N_("one end of a communication, opened by a program"),
	  N_("a number that names one service of a machine") },
	{ "made_of", N_("made of"), N_("an IP address, a port and a protocol"), N_("16 bits: a number from 0 to 65535") },
	{ "example", N_("for example"), "192.0.2.1:80, TCP", "80" },
	{ "like", N_("is like"), N_("a telephone in use"), N_("the extension of one desk in an office") },
	{ "how_many", N_("how many"), N_("one that waits, and one more for each client: thousands may share one port"),
	  N_("65,535 for TCP and as many for UDP, on each address") },
	{ "lives", N_("lives"), N_("from when a program opens it until it is closed, or the program ends"),
	  N_("always: it is free or taken, but never made or removed") },
};

static const char example[] = N_(
	"A browser at 192.0.2.7 opens http://198.51.100.5/. Its socket is 192.0.2.7:51312, the server's is "
	"198.51.100.5:80. Port 80 says \"the web server, please\"; port 51312 was free, and brings the answers "
	"back. A second tab gets a socket of its own, with another port here and the same port 80 there.");

/* How many bytes of s go on a line of `width` columns; at least one character. */
static size_t words_break(const char *s, size_t width)
{
	size_t blank = 0, i = 0, at = 0;

	while (s[i]) {
		int columns;
		size_t n = skt_column_char(s + i, &columns);

		if (s[i] == ' ')
			blank = i;
		at += columns > 0 ? (size_t)columns : 0;
		if (at > width)
			return blank > 0 ? blank : i > 0 ? i : n;
		i += n;
	}
	return i;
}

/* One line of a cell; moves *s behind it. Returns how many columns it took. */
static size_t words_line(const char **s, size_t width, struct skt_text *ret)
{
	size_t n = words_break(*s, width), columns = 0;

	for (size_t i = 0; i < n;) {
		int one;

		i += skt_column_char(*s + i, &one);
		columns += one > 0 ? (size_t)one : 0;
	}
	skt_text_addn(ret, *s, n);
	*s += n;
	*s += strspn(*s, " ");
	return columns;
}

static void words_blanks(size_t n, struct skt_text *ret)
{
	for (; n > 0; n--)
		skt_text_addc(ret, ' ');
}

static void words_print_row(const char *label, const char *left, const char *right, size_t label_width,
			    struct skt_text *ret)
{
	while (*label || *left || *right) {
		words_blanks(WORDS_GAP, ret);
		skt_text_add(ret, skt_ink(1, SKT_INK_DIM));
		words_blanks(label_width - words_line(&label, label_width, ret), ret);
		skt_text_add(ret, skt_ink(1, SKT_INK_PLAIN));
		words_blanks(WORDS_GAP, ret);
		words_blanks(*right ? WORDS_CELL - words_line(&left, WORDS_CELL, ret) + WORDS_GAP : 0, ret);
		(void)words_line(*right ? &right : &left, WORDS_CELL, ret);
		skt_text_addc(ret, '\n');
	}
}

static size_t words_label_width(void)
{
	size_t width = WORDS_LABEL;

	for (size_t i = 0; i < SKT_LENGTH(rows); i++)
		if (skt_columns(_(rows[i].label)) > width)
			width = skt_columns(_(rows[i].label));
	return width;
}

static int words_table(void)
{
	struct skt_text t = { 0 };
	size_t label = words_label_width();
	int ret;

	skt_text_add(&t, skt_ink(1, SKT_INK_BOLD));
	words_print_row("", _("a socket"), _("a port"), label, &t);
	skt_text_add(&t, skt_ink(1, SKT_INK_PLAIN));
	for (size_t i = 0; i < SKT_LENGTH(rows); i++)
		words_print_row(_(rows[i].label), _(rows[i].socket), _(rows[i].port), label, &t);
	skt_text_addc(&t, '\n');
	skt_column_wrap(&t, _(example), 0, 0);
	skt_text_addc(&t, '\n');
	skt_column_wrap(&t, _("See your own: \"soket demo\" opens a few and says what each is."), 0, 0);
	ret = skt_say_text(&t);
	skt_text_release(&t);
	return ret;
}

static int words_one(bool is_socket)
{
	struct skt_page p = { 0 };
	struct skt_text t = { 0 };
	int ret;

	skt_page_title(&p, is_socket ? _("a socket") : _("a port"));
	for (size_t i = 0; i < SKT_LENGTH(rows); i++)
		skt_page_row(&p, _(rows[i].label), NULL, is_socket ? _(rows[i].socket) : _(rows[i].port));
	skt_page_text(
		&p, is_socket
			    ? _("How it differs from a port: soket explain socket port")
			    : _("How it differs from a socket: soket explain socket port. One port: soket explain 443"));
	skt_page_print(&p, &t);
	ret = skt_say_text(&t);
	skt_page_release(&p);
	skt_text_release(&t);
	return ret;
}

int skt_explain_words(bool socket, bool port)
{
	return socket && port ? words_table() : words_one(socket);
}

static void words_json(const char *key, bool is_socket, struct skt_json *j)
{
	skt_json_object(j, key);
	for (size_t i = 0; i < SKT_LENGTH(rows); i++)
		skt_json_string(j, rows[i].key, is_socket ? _(rows[i].socket) : _(rows[i].port));
	skt_json_end_object(j);
}

int skt_explain_words_json(bool socket, bool port)
{
	struct skt_json j = { 0 };
	int ret;

	skt_json_object(&j, NULL);
	if (socket)
		words_json("socket", true, &j);
	if (port)
		words_json("port", false, &j);
	skt_json_end_object(&j);
	ret = skt_say_json(&j);
	skt_json_release(&j);
	return ret;
}
