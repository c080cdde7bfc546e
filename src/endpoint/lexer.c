/* SPDX-License-Identifier: Apache-2.0 */
/* Words of a one-string endpoint.
 *
 * How it works. lexer_step() reads one byte of a word at a time and knows where it stands in the text; reading a word
 * and finding a byte of it again (for the position of an error) are the same walk. A quote opens only where a word or
 * a value begins, and closes only where it ends, so that no text means something else than it seems to. */
#include "endpoint/lexer.h"

#include <stdbool.h>
#include <string.h>

#include "base/message.h"

enum lexer_found { LEXER_BYTE, LEXER_END, LEXER_WRONG };

struct lexer_word {
	const char *text;
	size_t at;       /* the next byte of the text */
	size_t byte_at;  /* where the byte just read stands */
	bool is_quoted;  /* inside quotes */
	size_t opened;   /* where the quote was opened */
	char last;       /* the byte before; NUL at the start of a word */
	char byte;       /* the byte just read */
	const char *why; /* LEXER_WRONG: what is wrong at `at`, and what to do */
	const char *hint;
};

static bool lexer_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool lexer_is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static enum lexer_found lexer_wrong(struct lexer_word *w, size_t at, const char *why, const char *hint)
{
	w->at = at;
	w->why = why;
	w->hint = hint;
	return LEXER_WRONG;
}

static enum lexer_found lexer_wrong_control(struct lexer_word *w)
{
	return lexer_wrong(w, w->at, N_("a control character"),
			   N_("inside double quotes, write \\n, \\r, \\t or \\x and two digits"));
}

static enum lexer_found lexer_byte(struct lexer_word *w, char c, size_t length)
{
	w->byte_at = w->at;
	w->byte = c;
	w->last = c;
	w->at += length;
	return LEXER_BYTE;
}

static int lexer_hex(char c)
{
	const char *digits = "0123456789abcdef0123456789ABCDEF", *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) % 16 : -1;
}

static enum lexer_found lexer_escape(struct lexer_word *w)
{
	static const char letters[] = "\"\\nrt", bytes[] = "\"\\\n\r\t";
	const char *s = w->text + w->at, *letter = s[1] ? strchr(letters, s[1]) : NULL;
	int high = -1, low = -1;

	if (letter)
		return lexer_byte(w, bytes[letter - letters], 2);
	if (s[1] == 'x')
		high = lexer_hex(s[2]);
	if (high >= 0)
		low = lexer_hex(s[3]);
	if (low >= 0 && high + low > 0)
		return lexer_byte(w, (char)(high * 16 + low), 4);
	return lexer_wrong(w, w->at, N_("a backslash that means nothing"),
			   N_("inside double quotes: \\\" \\\\ \\n \\r \\t, and \\x with two digits, not 00"));
}

static enum lexer_found lexer_step_quoted(struct lexer_word *w)
{
	char c = w->text[w->at];

	if (c == '\0')
		return lexer_wrong(w, w->opened, N_("a quote that is never closed"),
				   N_("put a \" at the end of the value"));
	if (c == '\\')
		return lexer_escape(w);
	if (lexer_is_control(c) && c != '\t')
		return lexer_wrong_control(w);
	if (c != '"')
		return lexer_byte(w, c, 1);
	c = w->text[++w->at];
	w->is_quoted = false;
	if (c == '\0' || lexer_is_blank(c))
		return LEXER_END;
	return lexer_wrong(w, w->at, N_("something follows a closing quote"),
			   N_("put the whole value in quotes; a \" inside it is written \\\""));
}

static enum lexer_found lexer_step(struct lexer_word *w)
{
	char c = w->text[w->at];

	if (w->is_quoted)
		return lexer_step_quoted(w);
	if (c == '\0' || lexer_is_blank(c))
		return LEXER_END;
	if (lexer_is_control(c))
		return lexer_wrong_control(w);
	if (c != '"')
		return lexer_byte(w, c, 1);
	if (w->last != '\0' && w->last != ':' && w->last != '=')
		return lexer_wrong(w, w->at, N_("a quote inside a value"),
				   N_("put the whole value in quotes; a \" inside it is written \\\""));
	w->opened = w->at++;
	w->is_quoted = true;
	return lexer_step_quoted(w);
}

int skt_lexer_next(struct skt_lexer *l, struct skt_text *ret, int *start, struct skt_error *err)
{
	struct lexer_word w = { .text = l->text, .at = l->at };
	enum lexer_found found;
	int r;

	skt_text_clear(ret);
	while (lexer_is_blank(w.text[w.at]))
		w.at++;
	*start = (int)w.at;
	if (w.text[w.at] == '\0')
		return 0;
	while ((found = lexer_step(&w)) == LEXER_BYTE)
		skt_text_addc(ret, w.byte);
	l->at = w.at;
	if (found == LEXER_END)
		return 1;
	r = skt_fail_at(err, (int)w.at, "%s", _(w.why));
	skt_hint(err, "%s", _(w.hint));
	return r;
}

int skt_lexer_source(const char *text, int start, int i)
{
	struct lexer_word w = { .text = text, .at = (size_t)start };

	while (lexer_step(&w) == LEXER_BYTE)
		if (i-- == 0)
			return (int)w.byte_at;
	/* Behind the word; in front of a closing quote, which belongs to what is missing there. */
	return (int)(w.at > 0 && w.text[w.at - 1] == '"' ? w.at - 1 : w.at);
}

static bool lexer_wants_quotes(const char *s)
{
	for (; *s; s++)
		if (lexer_is_blank(*s) || lexer_is_control(*s) || *s == '"')
			return true;
	return false;
}

static void lexer_quote_byte(char c, struct skt_text *ret)
{
	static const char bytes[] = "\"\\\n\r\t", letters[] = "\"\\nrt";
	const char *known = strchr(bytes, c);

	if (known)
		skt_text_addf(ret, "\\%c", letters[known - bytes]);
	else if (lexer_is_control(c))
		skt_text_addf(ret, "\\x%02x", (unsigned char)c);
	else
		skt_text_addc(ret, c);
}

void skt_lexer_quote(const char *s, struct skt_text *ret)
{
	if (!lexer_wants_quotes(s)) {
		skt_text_add(ret, s);
		return;
	}
	skt_text_addc(ret, '"');
	for (; *s; s++)
		lexer_quote_byte(*s, ret);
	skt_text_addc(ret, '"');
}
