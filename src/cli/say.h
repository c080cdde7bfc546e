/* SPDX-License-Identifier: Apache-2.0 */
/* What commands print: results on stdout, everything else on stderr; colour only on a terminal, and never with NO_COLOR. */
#ifndef SKT_CLI_SAY_H
#define SKT_CLI_SAY_H

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/args.h"

enum skt_ink { SKT_INK_PLAIN, SKT_INK_BOLD, SKT_INK_DIM, SKT_INK_RED, SKT_INK_GREEN, SKT_INK_YELLOW, SKT_INK_BLUE };

/* How much is said. Set once by main() from -q and -v; -1 quiet, 0 normal, 1 verbose. */
void skt_say_level_set(int level);
int skt_say_level(void);

/* The escape sequence that starts an ink on file descriptor fd (1 or 2), or "" where colour is not wanted. */
const char *skt_ink(int fd, enum skt_ink ink);

/* A line on stderr "soket: ...": not with -q. One write(2) a line, so that threads do not mix. Control characters in the text
 * are shown as \xNN: what strangers send does not steer the terminal. */
void skt_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same, with -v only. */
void skt_say_more(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The error's text (bold red "soket:" on a terminal), with the caret under the wrong character where err->at >= 0 and
 * `source` is the text that was parsed (else NULL), then the hint on a line of its own. Always said, also with -q.
 * With json: one object on stderr {"event":"error","kind":...,"text":...,"hint":...,"errno":...,"at":...}, where hint, errno and
 * at are null when there is none. Returns err->kind. */
int skt_say_error(const struct skt_error *err, const char *source, bool json);
/* The words of the command line from number `from` on, joined by blanks: with the number where the endpoint begins, the source
 * that errors of skt_args_endpoint() point into. Caller frees; NULL where memory is short. */
char *skt_say_source(const struct skt_args *args, int from);
/* A finished JSON line on stdout, in one write(2). Returns 0, or -SKT_E_IO where stdout does not take it (full disk, closed pipe). */
int skt_say_json(const struct skt_json *j);
/* After an object: the line ends, and the next object begins a new one. */
void skt_say_end_line(struct skt_json *j);
/* Text on stdout, whole. Returns as above. */
int skt_say_out(const char *text);
/* The same for a text that was built; where memory was too short to build it, nothing is written and that is the failure. */
int skt_say_text(const struct skt_text *t);
/* Text on stderr, as it is. */
void skt_say_plain(const char *text);
/* Once, at the end of main(): where stdout has not taken everything, say so and return SKT_E_IO in place of status 0. */
int skt_say_finish(int status, bool json);

#endif
