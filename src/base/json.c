/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines out. */
#include "base/json.h"

#include <inttypes.h>
#include <string.h>

/* The length of the UTF-8 sequence at s (1-4), or 0 where there is none. RFC 3629. */
static size_t json_utf8_length(const unsigned char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
	uint32_t code = n == 1 ? s[0] : s[0] & (0x7fU >> n);

	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (n > 1 && (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)))
		return 0;
	return n;
}

static void json_quote(struct skt_text *t, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;

	skt_text_addc(t, '"');
	while (*s) {
		size_t n = json_utf8_length(s);

		if (n == 0) {
			skt_text_add(t, "\xef\xbf\xbd");
			n = 1;
		} else if (*s == '"' || *s == '\\') {
			skt_text_addf(t, "\\%c", *s);
		} else if (*s < 0x20 || *s == 0x7f) {
			skt_text_addf(t, "\\u%04x", *s);
		} else {
			skt_text_addn(t, (const char *)s, n);
		}
		s += n;
	}
	skt_text_addc(t, '"');
}

static void json_member(struct skt_json *j, const char *key)
{
	if (j->wants_comma)
		skt_text_addc(&j->text, ',');
	if (key) {
		json_quote(&j->text, key);
		skt_text_addc(&j->text, ':');
	}
	j->wants_comma = true;
}

static void json_open(struct skt_json *j, const char *key, char bracket)
{
	json_member(j, key);
	skt_text_addc(&j->text, bracket);
	j->wants_comma = false;
}

static void json_close(struct skt_json *j, char bracket)
{
	skt_text_addc(&j->text, bracket);
	j->wants_comma = true;
}

void skt_json_object(struct skt_json *j, const char *key)
{
	json_open(j, key, '{');
}

void skt_json_end_object(struct skt_json *j)
{
	json_close(j, '}');
}

void skt_json_array(struct skt_json *j, const char *key)
{
	json_open(j, key, '[');
}

void skt_json_end_array(struct skt_json *j)
{
	json_close(j, ']');
}

void skt_json_string(struct skt_json *j, const char *key, const char *value)
{
	if (!value) {
		skt_json_null(j, key);
		return;
	}
	json_member(j, key);
	json_quote(&j->text, value);
}

void skt_json_int(struct skt_json *j, const char *key, int64_t value)
{
	json_member(j, key);
	skt_text_addf(&j->text, "%" PRId64, value);
}

void skt_json_bool(struct skt_json *j, const char *key, bool value)
{
	json_member(j, key);
	skt_text_add(&j->text, value ? "true" : "false");
}

void skt_json_null(struct skt_json *j, const char *key)
{
	json_member(j, key);
	skt_text_add(&j->text, "null");
}

const char *skt_json_get(const struct skt_json *j)
{
	return skt_text_get(&j->text);
}

void skt_json_release(struct skt_json *j)
{
	skt_text_release(&j->text);
	j->wants_comma = false;
}
