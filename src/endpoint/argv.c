/* SPDX-License-Identifier: Apache-2.0 */
/* A command as one text, and its words. */
#include "endpoint/argv.h"

#include <string.h>

#include "base/message.h"
#include "endpoint/store.h"

/* Reads one word of s from *at on into `ret`, which has room for all of it, and moves *at behind it.
 * Returns 0, or -1 with *at where the quote or backslash stands that has no end. */
static int argv_word(const char *s, size_t *at, char *ret)
{
	size_t i = *at, opened = 0;
	bool is_quoted = false;

	for (; s[i] && (is_quoted || (s[i] != ' ' && s[i] != '\t')); i++) {
		if (s[i] == '"') {
			is_quoted = !is_quoted;
			opened = i;
			continue;
		}
		if (s[i] == '\\' && s[i + 1] == '\0' && !is_quoted) {
			*at = i;
			return -1;
		}
		if (s[i] == '\\' && (!is_quoted || s[i + 1] == '"' || s[i + 1] == '\\'))
			i++;
		*ret++ = s[i];
	}
	*ret = '\0';
	*at = is_quoted ? opened : i;
	return is_quoted ? -1 : 0;
}

static int argv_fail_open(const char *s, int at, size_t i, struct skt_error *err)
{
	int r = skt_fail_at(err, at + (int)i, "%s",
			    s[i] == '"' ? _("a quote in the command that is never closed")
					: _("the command ends in a backslash"));

	skt_hint(err, "%s", _("quote an argument with blanks as \"a b\" or a\\ b"));
	return r;
}

/* A word needs at least one byte and a blank, so this is never too few. */
static size_t argv_most_words(const char *s)
{
	return strlen(s) / 2 + 1;
}

int skt_argv_split(struct skt_endpoint *e, int at, struct skt_error *err)
{
	const char *s = e->address;
	size_t n = strlen(s), i = 0;
	char *room = skt_store_take(&e->store, n + argv_most_words(s) + 1);

	e->argv = skt_store_take(&e->store, (argv_most_words(s) + 1) * sizeof(char *));
	if (!room || !e->argv)
		return skt_fail_memory(err);
	for (;;) {
		i += strspn(s + i, " \t");
		if (s[i] == '\0')
			break;
		if (argv_word(s, &i, room) < 0)
			return argv_fail_open(s, at, i, err);
		e->argv[e->argc++] = room;
		room += strlen(room) + 1;
	}
	if (e->argc == 0 || e->argv[0][0] == '\0') {
		int r = skt_fail_at(err, at, "%s", _("the program is missing"));

		skt_hint(err, "%s", _("a program and its arguments follow: \"exec:sort -n\""));
		return r;
	}
	return 0;
}

static void argv_quote(const char *word, bool is_first, struct skt_text *ret)
{
	/* "//" in front would be taken for the // of a scheme. */
	bool is_plain = word[0] && !word[strcspn(word, " \t\"\\")] && !(is_first && strncmp(word, "//", 2) == 0);

	if (is_plain) {
		skt_text_add(ret, word);
		return;
	}
	skt_text_addc(ret, '"');
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			skt_text_addc(ret, '\\');
		skt_text_addc(ret, *word);
	}
	skt_text_addc(ret, '"');
}

void skt_argv_join(const char *const *argv, int n, struct skt_text *ret)
{
	for (int i = 0; i < n; i++) {
		if (i > 0)
			skt_text_addc(ret, ' ');
		argv_quote(argv[i], i == 0, ret);
	}
}
