/* SPDX-License-Identifier: Apache-2.0 */
/* The schemes and their options: the one list that parsing, help, completion, the manual and explain are made from.
 * It is long because it is complete: groups of options first, then the schemes that take them. */
#include "endpoint/scheme.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/message.h"
#include "base/unit.h"
#include "endpoint/ip.h"
#include "endpoint/optlayer.h"

/* Readers of SKT_OPT_STRING values that are not just any text; see struct skt_optspec. */

/* N | forever */
static int scheme_read_retry(const char *value, int64_t *ret)
{
	if (strcmp(value, "forever") == 0) {
		*ret = SKT_RETRY_FOREVER;
		return -1;
	}
	if (skt_number_parse(value, ret) == 0 && *ret <= SKT_RETRY_FOREVER)
		return -1;
	return (int)(value[strspn(value, "0123456789")] ? strspn(value, "0123456789") : 0);
}

/* yes | no | DURATION; the number is 1, 0, or nanoseconds */
static int scheme_read_keepalive(const char *value, int64_t *ret)
{
	*ret = strcmp(value, "yes") == 0;
	if (*ret || strcmp(value, "no") == 0)
		return -1;
	if (skt_duration_parse(value, ret) == 0 && *ret >= SKT_SECOND)
		return -1;
	return (int)(value[strspn(value, "0123456789.")] ? strspn(value, "0123456789.") : 0);
}

/* An IPv4 or IPv6 address without brackets, a zone allowed; the number is 4 or 6 */
static int scheme_read_address(const char *value, int64_t *ret)
{
	size_t n = strcspn(value, "%"), wrong = 0;
	struct skt_ip ip;

	if (skt_ip_parse(value, n, &ip, &wrong) < 0)
		return (int)wrong;
	if (value[n] && (ip.family == 4 || value[n + 1] == '\0'))
		return (int)n;
	*ret = ip.family;
	return -1;
}

/* NAME=VALUE */
static int scheme_read_variable(const char *value, int64_t *ret)
{
	const char *equals = strchr(value, '=');

	*ret = 0;
	if (!equals || equals == value)
		return (int)strcspn(value, "=");
	return -1;
}

/* line | len16 | len32 | none | chunk=N; the number is 0, or N */
int skt_read_frame(const char *value, int64_t *ret)
{
	static const char *const words[] = { "none", "line", "len16", "len32" };
	static const char chunk[] = "chunk=";

	*ret = 0;
	for (size_t i = 0; i < SKT_LENGTH(words); i++)
		if (strcmp(value, words[i]) == 0)
			return -1;
	if (strncmp(value, chunk, sizeof(chunk) - 1) != 0)
		return 0;
	value += sizeof(chunk) - 1;
	if (skt_number_parse(value, ret) == 0 && *ret >= 1 && *ret <= 65507)
		return -1;
	return (int)(sizeof(chunk) - 1);
}

/* RATE | pcr; the number is bits a second, or 0 for pcr */
static int scheme_read_pace(const char *value, int64_t *ret)
{
	*ret = 0;
	if (strcmp(value, "pcr") == 0 || (skt_rate_parse(value, ret) == 0 && *ret > 0))
		return -1;
	return (int)(value[strspn(value, "0123456789.")] ? strspn(value, "0123456789.") : 0);
}

/* A name that the kernel holds in 16 bytes: a network interface, a congestion control. */
static int scheme_read_short_name(const char *value, int64_t *ret)
{
	size_t n = strcspn(value, "/ \t%");

	*ret = 0;
	if (value[n])
		return (int)n;
	return n > 15 ? 15 : -1;
}

static const struct skt_optspec opening[] = {
	{ .key = "timeout",
	  .type = SKT_OPT_DURATION,
	  .min = SKT_MS,
	  .max = SKT_FOREVER,
	  .def = "10s",
	  .unit = "DURATION",
	  .help = N_("how long opening may take, all its steps together") },
	{ .key = "retry",
	  .type = SKT_OPT_STRING,
	  .def = "0",
	  .unit = "N|forever",
	  .read = scheme_read_retry,
	  .help = N_("how often to try again, with growing pauses") },
	{ .key = NULL },
};

static const struct skt_optspec ending[] = {
	{ .key = "linger",
	  .type = SKT_OPT_DURATION,
	  .unit = "DURATION",
	  .help = N_("how long the other direction may go on after our end") },
	{ .key = NULL },
};

static const struct skt_optspec socket_group[] = {
	{ .key = "sndbuf",
	  .type = SKT_OPT_SIZE,
	  .min = 1,
	  .max = INT32_MAX / 2,
	  .unit = "SIZE",
	  .help = N_("bytes that the kernel holds for sending") },
	{ .key = "rcvbuf",
	  .type = SKT_OPT_SIZE,
	  .min = 1,
	  .max = INT32_MAX / 2,
	  .unit = "SIZE",
	  .help = N_("bytes that the kernel holds for receiving") },
	{ .key = "mark",
	  .type = SKT_OPT_INT,
	  .min = 0,
	  .max = UINT32_MAX,
	  .unit = "N",
	  .help = N_("a mark for this machine's firewall and routing rules") },
	{ .key = "priority",
	  .type = SKT_OPT_INT,
	  .min = 0,
	  .max = INT32_MAX,
	  .unit = "N",
	  .help = N_("which packets go first; above 6 needs a right") },
	{ .key = NULL },
};

static const struct skt_optspec queue[] = {
	{ .key = "backlog",
	  .type = SKT_OPT_INT,
	  .min = 1,
	  .max = INT32_MAX,
	  .def = "4096",
	  .unit = "N",
	  .role = SKT_ROLE_LISTEN,
	  .help = N_("how many clients may wait to be accepted") },
	{ .key = NULL },
};

static const struct skt_optspec family[] = {
	{ .key = "family",
	  .type = SKT_OPT_WORD,
	  .choices = "any|4|6",
	  .def = "any",
	  .unit = "any|4|6",
	  .help = N_("which addresses to use: IPv4, IPv6, or both") },
	{ .key = "v6only",
	  .type = SKT_OPT_BOOL,
	  .unit = YES_NO,
	  .role = SKT_ROLE_LISTEN,
	  .help = N_("whether an IPv6 listener refuses IPv4 clients") },
	{ .key = NULL },
};

static const struct skt_optspec v6only[] = {
	{ .key = "v6only",
	  .type = SKT_OPT_BOOL,
	  .unit = YES_NO,
	  .role = SKT_ROLE_LISTEN,
	  .help = N_("whether an IPv6 listener refuses IPv4 clients") },
	{ .key = NULL },
};

static const struct skt_optspec ip[] = {
	{ .key = "bind",
	  .type = SKT_OPT_STRING,
	  .unit = "ADDRESS",
	  .role = SKT_ROLE_DIAL,
	  .read = scheme_read_address,
	  .help = N_("the address of this machine to come from") },
	{ .key = "sport",
	  .type = SKT_OPT_INT,
	  .min = 0,
	  .max = 65535,
	  .unit = "PORT",
	  .role = SKT_ROLE_DIAL,
	  .help = N_("the port of this machine to come from") },
	{ .key = "interface",
	  .type = SKT_OPT_STRING,
	  .unit = "NAME",
	  .read = scheme_read_short_name,
	  .help = N_("the network interface to use, such as eth0") },
	{ .key = "tos",
	  .type = SKT_OPT_INT,
	  .min = 0,
	  .max = 255,
	  .unit = "N",
	  .help = N_("the whole type-of-service byte of each packet") },
	{ .key = "dscp",
	  .type = SKT_OPT_INT,
	  .min = 0,
	  .max = 63,
	  .unit = "N",
	  .help = N_("the class of service that routers see (RFC 2474)") },
	{ .key = "ttl",
	  .type = SKT_OPT_INT,
	  .min = 1,
	  .max = 255,
	  .unit = "N",
	  .help = N_("how many routers a packet may pass") },
	{ .key = "reuseport",
	  .type = SKT_OPT_BOOL,
	  .def = "no",
	  .unit = YES_NO,
	  .role = SKT_ROLE_LISTEN,
	  .help = N_("share the port; clients are spread over listeners") },
	{ .key = "freebind",
	  .type = SKT_OPT_BOOL,
	  .def = "no",
	  .unit = YES_NO,
	  .help = N_("take an address that this machine does not have yet") },
	{ .key = NULL },
};

static const struct skt_optspec tcp[] = {
	{ .key = "nodelay",
	  .type = SKT_OPT_BOOL,
	  .def = "yes",
	  .unit = YES_NO,
	  .help = N_("send small pieces at once, not in fuller packets") },
	{ .key = "keepalive",
	  .type = SKT_OPT_STRING,
	  .def = "no",
	  .unit = "yes|no|DURATION",
	  .read = scheme_read_keepalive,
	  .help = N_("after how much silence to ask whether the peer is there") },
	{ .key = "user-timeout",
	  .type = SKT_OPT_DURATION,
	  .min = SKT_MS,
	  .max = INT32_MAX * SKT_MS,
	  .unit = "DURATION",
	  .help = N_("how long the peer may leave bytes unacknowledged") },
	{ .key = "rate",
	  .type = SKT_OPT_RATE,
	  .min = 8,
	  .max = INT64_MAX,
	  .unit = "RATE",
	  .help = N_("at most this rate for each connection, paced by the kernel") },
	{ .key = "mss",
	  .type = SKT_OPT_INT,
	  .min = 88,
	  .max = 32767,
	  .unit = "N",
	  .help = N_("the largest piece of data in one packet, in bytes") },
	{ .key = "congestion",
	  .type = SKT_OPT_STRING,
	  .unit = "NAME",
	  .read = scheme_read_short_name,
	  .help = N_("the congestion control: cubic, bbr, ...") },
	{ .key = "fastopen",
	  .type = SKT_OPT_BOOL,
	  .def = "no",
	  .unit = YES_NO,
	  .help = N_("send the first bytes in the first packet (RFC 7413)") },
	{ .key = "defer-accept",
	  .type = SKT_OPT_DURATION,
	  .min = SKT_SECOND,
	  .max = INT32_MAX * SKT_SECOND,
	  .unit = "DURATION",
	  .role = SKT_ROLE_LISTEN,
	  .help = N_("how long to wait for a client's first bytes") },
	{ .key = NULL },
};

static const struct skt_optspec messages[] = {
	{ .key = "idle",
	  .type = SKT_OPT_DURATION,
	  .min = SKT_MS,
	  .max = SKT_FOREVER,
	  .def = "60s",
	  .unit = "DURATION",
	  .help = N_("after how much silence a session has ended") },
	{ .key = "frame",
	  .type = SKT_OPT_STRING,
	  .def = "none",
	  .unit = "FRAME",
	  .read = skt_read_frame,
	  .help = N_("messages in a stream: line, len16, len32, chunk=N, none") },
	{ .key = "pace",
	  .type = SKT_OPT_STRING,
	  .unit = "RATE|pcr",
	  .read = scheme_read_pace,
	  .help = N_("send at that rate, or by the clock of an MPEG stream") },
	{ .key = NULL },
};

static const struct skt_optspec udp[] = {
	{ .key = "rtp",
	  .type = SKT_OPT_BOOL,
	  .def = "no",
	  .unit = YES_NO,
	  .help = N_("each message is an RTP packet, as video has it (RFC 3550)") },
	{ .key = "df",
	  .type = SKT_OPT_BOOL,
	  .unit = YES_NO,
	  .help = N_("send nothing that would have to be cut on the way") },
	{ .key = "source",
	  .type = SKT_OPT_STRING,
	  .unit = "ADDRESS",
	  .role = SKT_ROLE_LISTEN,
	  .read = scheme_read_address,
	  .help = N_("of a multicast group, hear this sender only (RFC 4607)") },
	{ .key = "broadcast",
	  .type = SKT_OPT_BOOL,
	  .def = "no",
	  .unit = YES_NO,
	  .help = N_("allow sending to every machine of the link") },
	{ .key = "join",
	  .type = SKT_OPT_STRING,
	  .unit = "ADDRESS",
	  .role = SKT_ROLE_LISTEN,
	  .many = true,
	  .read = scheme_read_address,
	  .help = N_("a multicast group to receive") },
	{ .key = "multicast-ttl",
	  .type = SKT_OPT_INT,
	  .min = 0,
	  .max = 255,
	  .def = "1",
	  .unit = "N",
	  .help = N_("how many routers a multicast packet may pass") },
	{ .key = "multicast-loop",
	  .type = SKT_OPT_BOOL,
	  .def = "yes",
	  .unit = YES_NO,
	  .help = N_("receive one's own multicast packets too") },
	{ .key = NULL },
};

static const struct skt_optspec unix_file[] = {
	{ .key = "mode",
	  .type = SKT_OPT_MODE,
	  .unit = "MODE",
	  .role = SKT_ROLE_LISTEN,
	  .help = N_("who may connect, as the rights of the socket file: 0600") },
	{ .key = "user",
	  .type = SKT_OPT_STRING,
	  .unit = "NAME",
	  .role = SKT_ROLE_LISTEN,
	  .help = N_("the owner of the socket file") },
	{ .key = "group",
	  .type = SKT_OPT_STRING,
	  .unit = "NAME",
	  .role = SKT_ROLE_LISTEN,
	  .help = N_("the group of the socket file") },
	{ .key = "unlink",
	  .type = SKT_OPT_BOOL,
	  .def = "yes",
	  .unit = YES_NO,
	  .role = SKT_ROLE_LISTEN,
	  .help = N_("remove the socket file at the end") },
	{ .key = NULL },
};

static const struct skt_optspec file[] = {
	{ .key = "read", .type = SKT_OPT_BOOL, .unit = YES_NO, .help = N_("read from the file") },
	{ .key = "write", .type = SKT_OPT_BOOL, .unit = YES_NO, .help = N_("write to the file, from its beginning") },
	{ .key = "append",
	  .type = SKT_OPT_BOOL,
	  .def = "no",
	  .unit = YES_NO,
	  .help = N_("write behind what is there already") },
	{ .key = "follow",
	  .type = SKT_OPT_BOOL,
	  .def = "no",
	  .unit = YES_NO,
	  .help = N_("wait for what is added, as a log file grows") },
	{ .key = "create",
	  .type = SKT_OPT_BOOL,
	  .def = "yes",
	  .unit = YES_NO,
	  .help = N_("make the file where it is missing, for writing") },
	{ .key = "mode", .type = SKT_OPT_MODE, .def = "0644", .unit = "MODE", .help = N_("the rights of a file that is made") },
	{ .key = "sync",
	  .type = SKT_OPT_BOOL,
	  .def = "no",
	  .unit = YES_NO,
	  .help = N_("each write is on the disk before the next") },
	{ .key = "offset", .type = SKT_OPT_SIZE, .unit = "SIZE", .help = N_("where in the file to begin to read") },
	{ .key = "length", .type = SKT_OPT_SIZE, .unit = "SIZE", .help = N_("how much of the file to read at most") },
	{ .key = NULL },
};

static const struct skt_optspec pipe_group[] = {
	{ .key = "read", .type = SKT_OPT_BOOL, .unit = YES_NO, .help = N_("read from the pipe") },
	{ .key = "write", .type = SKT_OPT_BOOL, .unit = YES_NO, .help = N_("write to the pipe") },
	{ .key = "create", .type = SKT_OPT_BOOL, .def = "no", .unit = YES_NO, .help = N_("make the pipe where it is missing") },
	{ .key = "mode", .type = SKT_OPT_MODE, .def = "0600", .unit = "MODE", .help = N_("the rights of a pipe that is made") },
	{ .key = NULL },
};

static const struct skt_optspec child[] = {
	{ .key = "cwd", .type = SKT_OPT_STRING, .unit = "PATH", .help = N_("the directory that the program starts in") },
	{ .key = "env",
	  .type = SKT_OPT_STRING,
	  .unit = "NAME=VALUE",
	  .many = true,
	  .read = scheme_read_variable,
	  .help = N_("a variable for the program; may be repeated") },
	{ .key = "clear-env",
	  .type = SKT_OPT_BOOL,
	  .def = "no",
	  .unit = YES_NO,
	  .help = N_("start with an empty environment") },
	{ .key = "stderr",
	  .type = SKT_OPT_WORD,
	  .choices = "inherit|null|join",
	  .def = "inherit",
	  .unit = "inherit|null|join",
	  .help = N_("where the program's error output goes") },
	{ .key = "kill",
	  .type = SKT_OPT_DURATION,
	  .def = "2s",
	  .unit = "DURATION",
	  .help = N_("from SIGTERM to SIGKILL, where it does not end") },
	{ .key = NULL },
};

static const struct skt_optspec pty_no[] = {
	{ .key = "pty",
	  .type = SKT_OPT_BOOL,
	  .def = "no",
	  .unit = YES_NO,
	  .help = N_("give the program a terminal of its own") },
	{ .key = NULL },
};

static const struct skt_optspec pty_yes[] = {
	{ .key = "pty",
	  .type = SKT_OPT_BOOL,
	  .def = "yes",
	  .unit = YES_NO,
	  .help = N_("give the program a terminal of its own") },
	{ .key = NULL },
};

static const struct skt_optspec terminal[] = {
	{ .key = "raw",
	  .type = SKT_OPT_BOOL,
	  .def = "no",
	  .unit = YES_NO,
	  .help = N_("no line editing: each key is passed on as it is") },
	{ .key = "rows",
	  .type = SKT_OPT_INT,
	  .min = 1,
	  .max = 65535,
	  .unit = "N",
	  .help = N_("the height of the program's terminal, in lines") },
	{ .key = "cols",
	  .type = SKT_OPT_INT,
	  .min = 1,
	  .max = 65535,
	  .unit = "N",
	  .help = N_("the width of the program's terminal, in characters") },
	{ .key = NULL },
};

static const struct skt_optspec stdio[] = {
	{ .key = "raw",
	  .type = SKT_OPT_BOOL,
	  .def = "no",
	  .unit = YES_NO,
	  .help = N_("no line editing: each key is passed on as it is") },
	{ .key = "half-open",
	  .type = SKT_OPT_BOOL,
	  .def = "no",
	  .unit = YES_NO,
	  .help = N_("go on reading input after the other side has ended") },
	{ .key = NULL },
};

static const struct skt_optspec text[] = {
	{ .key = "newline", .type = SKT_OPT_BOOL, .def = "no", .unit = YES_NO, .help = N_("send a line end after the text") },
	{ .key = NULL },
};

#define TCP_LIKE(...) \
	.form = SKT_FORM_HOST, .can_listen = true, .can_dial = true, .protocol = "TCP", .options = { __VA_ARGS__ }
#define UNIX_LIKE .form = SKT_FORM_PATH, .can_listen = true, .can_dial = true
#define INSIDE .form = SKT_FORM_NONE, .can_dial = true, .options = { ending }

static const struct skt_scheme schemes[] = {
	{ .name = "tcp",
	  TCP_LIKE(opening, ending, socket_group, queue, family, ip, tcp, skt_group_via, skt_group_proxy),
	  .summary = N_("a stream of bytes, complete and in order"),
	  .example = "example.com:80" },
	{ .name = "tcp4",
	  TCP_LIKE(opening, ending, socket_group, queue, ip, tcp, skt_group_via, skt_group_proxy),
	  .summary = N_("tcp over IPv4 only"),
	  .example = "tcp4://example.com:80" },
	{ .name = "tcp6",
	  TCP_LIKE(opening, ending, socket_group, queue, v6only, ip, tcp, skt_group_via, skt_group_proxy),
	  .summary = N_("tcp over IPv6 only"),
	  .example = "tcp6://[::1]:80" },
	{ .name = "tls",
	  .form = SKT_FORM_HOST,
	  .is_layer = true,
	  .can_listen = true,
	  .can_dial = true,
	  .below = "tcp",
	  .summary = N_("encrypts, and proves the peer's name (RFC 8446)"),
	  .example = "tls://example.com:443 alpn=h2",
	  .options = { skt_group_tls } },
	{ .name = "ws",
	  .form = SKT_FORM_HOST,
	  .is_layer = true,
	  .can_listen = true,
	  .can_dial = true,
	  .below = "tcp",
	  .summary = N_("a WebSocket, which web servers pass on (RFC 6455)"),
	  .example = "ws://example.com:80 path=/chat",
	  .options = { skt_group_ws } },
	{ .name = "wss",
	  .form = SKT_FORM_HOST,
	  .is_layer = true,
	  .can_listen = true,
	  .can_dial = true,
	  .below = "tcp",
	  .alias = "ws+tls",
	  .summary = N_("a WebSocket inside TLS; short for ws+tls"),
	  .example = "wss://example.com:443 path=/chat",
	  .options = { skt_group_ws, skt_group_tls } },
	{ .name = "udp",
	  .form = SKT_FORM_HOST,
	  .is_dgram = true,
	  .can_listen = true,
	  .can_dial = true,
	  .protocol = "UDP",
	  .summary = N_("single messages: quick, and some may be lost"),
	  .example = "udp://192.0.2.1:53",
	  .options = { opening, ending, socket_group, family, ip, messages, udp } },
	{ .name = "unix",
	  UNIX_LIKE,
	  .summary = N_("a stream of bytes to a program on this machine"),
	  .example = "/run/app.sock",
	  .options = { opening, ending, socket_group, queue, unix_file, skt_group_proxy } },
	{ .name = "unix-seqpacket",
	  UNIX_LIKE,
	  .summary = N_("like unix, in pieces that keep their boundaries"),
	  .example = "unix-seqpacket:@control",
	  .options = { opening, ending, socket_group, queue, unix_file } },
	{ .name = "unix-dgram",
	  UNIX_LIKE,
	  .is_dgram = true,
	  .summary = N_("single messages to a program on this machine"),
	  .example = "unix-dgram:/dev/log",
	  .options = { opening, ending, socket_group, messages, unix_file } },
	{ .name = "vsock",
	  .form = SKT_FORM_VSOCK,
	  .can_listen = true,
	  .can_dial = true,
	  .summary = N_("a stream between a virtual machine and its host"),
	  .example = "vsock://host:5000",
	  .options = { opening, ending, socket_group, queue } },
	{ .name = "stdio",
	  .form = SKT_FORM_NONE,
	  .can_dial = true,
	  .summary = N_("standard input and output: this terminal, or a pipe"),
	  .example = "-",
	  .options = { ending, stdio } },
	{ .name = "fd",
	  .form = SKT_FORM_NUMBER,
	  .can_listen = true,
	  .can_dial = true,
	  .summary = N_("a descriptor handed over, by number or systemd's name"),
	  .example = "fd:3",
	  .options = { opening, ending } },
	{ .name = "file",
	  .form = SKT_FORM_PATH,
	  .can_dial = true,
	  .summary = N_("a file, read or written"),
	  .example = "file:notes.txt",
	  .options = { ending, file } },
	{ .name = "pipe",
	  .form = SKT_FORM_PATH,
	  .can_dial = true,
	  .summary = N_("a named pipe (FIFO) of the file system"),
	  .example = "pipe:/tmp/queue",
	  .options = { opening, ending, pipe_group } },
	{ .name = "exec",
	  .form = SKT_FORM_COMMAND,
	  .can_dial = true,
	  .summary = N_("a program's input and output; no shell in between"),
	  .example = "\"exec:sort -n\"",
	  .options = { opening, ending, child, pty_no, terminal } },
	{ .name = "pty",
	  .form = SKT_FORM_COMMAND,
	  .can_dial = true,
	  .summary = N_("a program with a terminal of its own"),
	  .example = "pty:bash",
	  .options = { opening, ending, child, pty_yes, terminal } },
	{ .name = "echo", INSIDE, .summary = N_("sends back what it receives (RFC 862)"), .example = "echo:" },
	{ .name = "discard", INSIDE, .summary = N_("takes everything, answers nothing (RFC 863)"), .example = "discard:" },
	{ .name = "chargen", INSIDE, .summary = N_("sends lines of characters without end (RFC 864)"), .example = "chargen:" },
	{ .name = "daytime", INSIDE, .summary = N_("sends the date and time, then ends (RFC 867)"), .example = "daytime:" },
	{ .name = "text",
	  .form = SKT_FORM_TEXT,
	  .can_dial = true,
	  .summary = N_("sends the text that is written here, then ends"),
	  .example = "text:hello newline=yes",
	  .options = { ending, text } },
};

const struct skt_scheme *skt_scheme_find(const char *name, size_t n)
{
	for (size_t i = 0; i < SKT_LENGTH(schemes); i++)
		if (strncasecmp(schemes[i].name, name, n) == 0 && schemes[i].name[n] == '\0')
			return &schemes[i];
	return NULL;
}

const struct skt_scheme *skt_scheme_at(size_t i)
{
	return i < SKT_LENGTH(schemes) ? &schemes[i] : NULL;
}

const struct skt_optspec *skt_scheme_option(const struct skt_scheme *scheme, const char *key)
{
	for (size_t g = 0; g < SKT_OPTGROUPS_MAX && scheme->options[g]; g++)
		for (const struct skt_optspec *o = scheme->options[g]; o->key; o++)
			if (strcmp(o->key, key) == 0)
				return o;
	return NULL;
}
