/* SPDX-License-Identifier: Apache-2.0 */
/* libsoket: the endpoints, streams and links of the command soket, for C programs on Linux.
 *
 * The rules, which hold for every function here:
 *
 * - Endpoint texts are those of the command line: "localhost:80", ":8080", "/run/app.sock", "tcp://[::1]:80
 *   nodelay=no". A text with blanks of its own is put in double quotes, in which \ goes before " and \:
 *   exec:"sort -u". soket_endpoint_from_words() does that for you. `soket explain TEXT` tells what a text means,
 *   `soket help endpoints` lists what there is. Texts are UTF-8.
 * - A function that returns int gives 0, or a negative kind of failure: -SOKET_E_REFUSED. One that returns a pointer
 *   gives NULL on failure. The last parameter, where it is a struct soket_error, is then filled; NULL is fine there,
 *   and success leaves it as it was.
 * - timeout_ms is milliseconds: 0 does only what can be done at once, a negative number waits for ever. A signal does
 *   not shorten it. What has not been done by then fails with SOKET_E_TIMEOUT, and may be called again.
 * - The library never prints, never ends the process, installs no signal handler and changes no limit of the process.
 *   Writing to a peer that has gone fails with an error and raises no SIGPIPE: for sockets by MSG_NOSIGNAL (send(2)),
 *   for pipes by blocking SIGPIPE in the calling thread during the call. A SIGPIPE that another process sends within
 *   that time is lost.
 * - An object is used by one thread at a time, and may move between threads. Different objects are independent of
 *   each other. soket_link_stop() alone is for any thread, and for signal handlers. Names are looked up in threads of
 *   the library's own.
 * - What a function returns as const char * belongs to the object that it was asked of, and lives as long as that.
 * - Descriptors are opened close-on-exec. They are non-blocking.
 * - A program started for an exec: or pty: endpoint is a child of this process: the process must not ignore SIGCHLD,
 *   nor reap children that are not its own. It gets SIGTERM when the thread that started it ends (PR_SET_PDEATHSIG,
 *   prctl(2)).
 * - Structs here may grow, and then the number in the library's name (libsoket.so.0) changes. */
#ifndef SOKET_H
#define SOKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SOKET_API __attribute__((visibility("default")))
#else
#define SOKET_API
#endif

/* The version of this header. */
#define SOKET_VERSION "0.1.0"

/* The version of the library that is running: "0.1.0". Static. */
SOKET_API const char *soket_version(void);

/* --- failures ------------------------------------------------------------------------------------------------- */

/* The kinds of failure. Each is also the exit status that the command gives for it; they never change. */
enum soket_kind {
	SOKET_OK = 0,
	SOKET_E_IO = 1,      /* it failed after it was open */
	SOKET_E_USAGE = 2,   /* usage or syntax: calling again would fail again */
	SOKET_E_RESOLVE = 3, /* a name that could not be resolved */
	SOKET_E_REFUSED = 4, /* refused or unreachable */
	SOKET_E_TIMEOUT = 5, /* timed out */
	SOKET_E_DENIED = 6,  /* permission, access list */
	SOKET_E_INUSE = 7,   /* address in use */
	SOKET_E_LIMIT = 8,   /* a resource limit: memory, descriptors, sizes */
	SOKET_E_PEER = 9,    /* the peer broke the protocol */
	SOKET_E_CHILD = 10,  /* the program could not be started */
	SOKET_E_BUG = 70     /* a bug of the library */
};

/* One failure. Plain data: copy it freely, nothing to release. Texts are English, or what gettext(3) has for them in
 * the domain "soket" where the program has set a locale. */
struct soket_error {
	int kind; /* enum soket_kind */
	int sys;  /* errno where a system call failed, else 0 */
	int at;   /* offset of the first wrong byte in the endpoint text, or -1; of a link's two, `text` says which */
	char text[256]; /* one line: what was tried, on what, and why it failed */
	char hint[192]; /* one line: what to do about it; may be empty */
};

/* The word that JSON output has for a kind, which never changes: "io", "usage", "refused", ... "unknown" for none.
 * Static. */
SOKET_API const char *soket_kind_name(int kind);

/* --- endpoints ------------------------------------------------------------------------------------------------ */

/* One party of a communication, as data. Nothing is opened, looked up or touched. */
struct soket_endpoint;

/* Read an endpoint with its options: "tcp://h:80 nodelay=no", at most 65536 bytes. Fails with SOKET_E_USAGE and
 * err->at, or SOKET_E_LIMIT. The caller frees it with soket_endpoint_free(). */
SOKET_API struct soket_endpoint *soket_endpoint_parse(const char *text, struct soket_error *err);
/* The same from words that are separate already: words[0] is the address, taken whole, the others are options,
 * KEY=VALUE; NULL ends them. soket_endpoint_print() is then a text with all the quotes that it needs:
 * { "file:/tmp/my notes", "append=yes", NULL } becomes file:"/tmp/my notes" append=yes. */
SOKET_API struct soket_endpoint *soket_endpoint_from_words(const char *const *words, struct soket_error *err);
/* A program and its arguments, each word exactly as it is; NULL ends them. */
SOKET_API struct soket_endpoint *soket_endpoint_from_command(const char *const *argv, struct soket_error *err);
/* NULL is fine. */
SOKET_API void soket_endpoint_free(struct soket_endpoint *e);

/* Its canonical text, with its options; parses back to an equal endpoint. */
SOKET_API const char *soket_endpoint_print(const struct soket_endpoint *e);
/* The scheme of its transport, which carries the bytes: "tcp", "unix", "exec". Static. */
SOKET_API const char *soket_endpoint_scheme(const struct soket_endpoint *e);
/* Layer i from the top down, from 0: "tls" then "tcp"; the last is the transport. NULL after it. Static. */
SOKET_API const char *soket_endpoint_layer(const struct soket_endpoint *e, int i);
/* The host of tcp, udp and vsock: a name, or an address without brackets and zone; "any" for every address of this
 * machine, "" where the text has none (loopback). NULL for schemes that have no host. */
SOKET_API const char *soket_endpoint_host(const struct soket_endpoint *e);
/* The port: 0-65535, for vsock 0-4294967295; -1 for schemes that have none. */
SOKET_API int64_t soket_endpoint_port(const struct soket_endpoint *e);
/* What follows the scheme, unquoted: "[::1]:80", "/run/app.sock", "sort -u". */
SOKET_API const char *soket_endpoint_address(const struct soket_endpoint *e);
/* The value of an option as it was written, unquoted: "10s" of timeout. NULL where it was not written. */
SOKET_API const char *soket_endpoint_option(const struct soket_endpoint *e, const char *key);

/* --- streams -------------------------------------------------------------------------------------------------- */

/* An opened endpoint: bytes to it, and bytes from it. Besides the descriptors of its endpoint it holds two of its own
 * (epoll(7), eventfd(2)). */
struct soket_stream;

/* Open an endpoint, as `soket connect` does: files and FIFOs are written (with read=yes they are read), programs are
 * started. timeout_ms bounds it all; the endpoint's timeout= (10s) bounds each attempt, and retry= says how many
 * follow the first one. Fails with SOKET_E_USAGE, _RESOLVE, _REFUSED, _TIMEOUT, _DENIED, _LIMIT or _CHILD. The caller
 * closes it with soket_close(). "-" gives copies of descriptors 0 and 1, which stay open. */
SOKET_API struct soket_stream *soket_dial(const char *text, int timeout_ms, struct soket_error *err);

/* Read what is there, at most n bytes (n >= 1), once there is something. Returns the count; 0 at the end of the peer's
 * bytes; -SOKET_E_TIMEOUT while nothing has come; -SOKET_E_IO, or -SOKET_E_LIMIT without memory, when the stream has
 * failed. A stream of messages (unix-seqpacket, udp, unix-dgram) gives one a call; one longer than n gives -SOKET_E_LIMIT with
 * EMSGSIZE in err->sys (of unix-seqpacket it is lost then), and reading may go on. Datagram endpoints have no end: there 0 is
 * a message of no bytes. */
SOKET_API ssize_t soket_read(struct soket_stream *stream, void *buf, size_t n, int timeout_ms, struct soket_error *err);

/* Write all n bytes; for unix-seqpacket, udp and unix-dgram they are one message, which may be empty. Returns 0, -SOKET_E_TIMEOUT, -SOKET_E_IO, or
 * -SOKET_E_USAGE after soket_shut(). After a failure soket_stream_sent() tells how many bytes were taken. A peer that
 * does not read while it writes (echo:, a program such as cat) must be read from in between: write what it can hold,
 * then read. */
SOKET_API int soket_write(struct soket_stream *stream, const void *buf, size_t n, int timeout_ms,
			  struct soket_error *err);

/* Tell the peer that no more bytes come (FIN, the end of a program's stdin). Reading goes on. Calling it again does
 * nothing. Returns 0, -SOKET_E_TIMEOUT (a terminal that has not taken everything), or -SOKET_E_IO. */
SOKET_API int soket_shut(struct soket_stream *stream, int timeout_ms, struct soket_error *err);

/* soket_shut(), then wait for the program of an exec: or pty: endpoint to end by itself. Nobody reads what it still
 * writes: read to its end first. *status (NULL is fine) is its exit status, 128 + the signal where one killed it, or
 * -1 where there is no program. Returns 0, and as soket_shut(); -SOKET_E_TIMEOUT while the program runs. Nothing is
 * read or written afterwards. */
SOKET_API int soket_finish(struct soket_stream *stream, int timeout_ms, int *status, struct soket_error *err);

/* Close and free it; NULL is fine. Does not wait, but for a program: one that still runs gets SIGTERM, and SIGKILL
 * when kill= (2s) has passed; to let it end by itself call soket_finish() first. On TCP, bytes that have come and
 * were not read make the kernel reset the connection, which may destroy what the peer has not read yet: read to the
 * end first (RFC 2525 section 2.17). */
SOKET_API void soket_close(struct soket_stream *stream);

/* The descriptor, to wait for with poll(2), where the stream is one: a socket, a file, a terminal. -1 where it is two
 * or none. It stays the stream's; it is non-blocking, and may also be read and written directly between two calls. */
SOKET_API int soket_stream_fd(const struct soket_stream *stream);
/* The other end: "tcp://127.0.0.1:80"; where it has no address, what was dialled, or where it was accepted:
 * "unix:/run/app.sock", "exec:cat". */
SOKET_API const char *soket_stream_peer(const struct soket_stream *stream);
/* This end, where it is a socket with an address: "tcp://127.0.0.1:50312"; else "". */
SOKET_API const char *soket_stream_local(const struct soket_stream *stream);
/* Bytes that the stream has taken from soket_write(), and given to soket_read(), so far. */
SOKET_API uint64_t soket_stream_sent(const struct soket_stream *stream);
SOKET_API uint64_t soket_stream_received(const struct soket_stream *stream);

/* --- listeners ------------------------------------------------------------------------------------------------ */

/* An endpoint that waits for others: tcp, unix, unix-seqpacket, vsock, or fd with a listening socket. */
struct soket_listener;

/* Listen on every address of the endpoint: ":8080" is loopback, IPv4 and IPv6; "any:8080" is all of the machine. Port
 * 0: the kernel picks one, the same for all addresses. Waits for the resolver where the endpoint has a host's name
 * (timeout=, 10s). Fails with SOKET_E_USAGE, _RESOLVE, _TIMEOUT, _DENIED, _INUSE (the text says who holds it) or
 * _LIMIT. The caller closes it with soket_listener_close(). */
SOKET_API struct soket_listener *soket_listen(const char *text, struct soket_error *err);
/* Address i, from 0, where it really listens: "tcp://[::1]:41873". NULL after the last; there is at least one. */
SOKET_API const char *soket_listener_address(const struct soket_listener *listener, int i);
/* Its descriptor, to wait for with poll(2). -1 after the last. */
SOKET_API int soket_listener_fd(const struct soket_listener *listener, int i);
/* Take one connection; a datagram endpoint (udp, unix-dgram) gives one stream, for all its peers, whose answers go to the one that
 * spoke last; a second call fails with SOKET_E_USAGE. The caller closes it with soket_close(), and may hand it to another thread. Fails with
 * SOKET_E_TIMEOUT while nobody has come; SOKET_E_LIMIT when descriptors or memory are short: the client waits in the
 * kernel's queue, call again when something was closed; SOKET_E_IO when the listening socket itself has failed. */
SOKET_API struct soket_stream *soket_accept(struct soket_listener *listener, int timeout_ms, struct soket_error *err);
/* Stop listening, remove the unix socket's file, free it; NULL is fine. Accepted streams live on. */
SOKET_API void soket_listener_close(struct soket_listener *listener);

/* --- links ---------------------------------------------------------------------------------------------------- */

/* The relay of `soket link`: each client of FROM is joined to TO, which is dialled for it. */
struct soket_link;

enum soket_event_kind {
	SOKET_EVENT_LISTENING = 0, /* from, address, path, port: once for each address */
	SOKET_EVENT_OPENED = 1,    /* link, from, to */
	SOKET_EVENT_CLOSED = 2,    /* link, from, to, sent, received, duration_ns, how, error */
	SOKET_EVENT_FAILED = 3,    /* link, from, to, error: a link that was never opened */
	SOKET_EVENT_REFUSED = 4,   /* from: the access list said no */
	SOKET_EVENT_STOPPING = 5   /* links: how many are still open; duration_ns: how long they may go on */
};

/* What happened. It and its texts are valid during the call; members that the kind does not name are zero. */
struct soket_event {
	enum soket_event_kind kind;
	uint64_t link;                   /* number of the link in this process, from 1 */
	const char *from, *to;           /* endpoints, with the real addresses */
	const char *address, *path;      /* the address without its port; path: of a unix socket, else NULL */
	unsigned port;                   /* 0 where there is none */
	uint64_t sent, received;         /* bytes delivered from FROM to TO, and back */
	uint64_t duration_ns;            /* nanoseconds */
	const char *how;                 /* "done", "idle", "cut" or "failed" */
	const struct soket_error *error; /* NULL where it ended well */
	uint64_t links;
};

enum soket_mover {
	SOKET_MOVER_AUTO = 0,  /* copying for small reads, splice(2) for large ones */
	SOKET_MOVER_COPY = 1,  /* always copying */
	SOKET_MOVER_SPLICE = 2 /* splice(2) wherever the descriptors allow it */
};

/* Zeroed (struct soket_link_options options = { 0 }), it asks for what the command does without flags. Copied by
 * soket_link_new() but for `user`. */
struct soket_link_options {
	int max;          /* links at once, while more clients wait; 0: as many as the descriptors allow */
	bool once;        /* end after one link */
	int64_t idle_ms;  /* end a link after this long without a byte either way; 0: never */
	int64_t grace_ms; /* how long links may go on after soket_link_stop(); 0: 5000; negative: cut at once */
	enum soket_mover mover;
	/* Networks ("10.0.0.0/8") whose clients alone are let in, and networks kept out, which wins. At most 64 of
	 * each, ended by NULL; NULL: no rule. */
	const char *const *allow, *const *deny;
	/* Called for each event on the thread that runs the link, which stands still meanwhile. Of this link it may call only
	 * soket_link_stop(). NULL: nobody is told. */
	void (*on_event)(struct soket_link *link, const struct soket_event *event, void *user);
	void *user; /* handed to on_event */
};

/* Listen on FROM. FROM that cannot listen (a file, a program, "-", anything with dial: before it) is opened once
 * instead, by soket_link_run(), and the link ends with that one link. TO with listen: before it changes places with
 * FROM. `options` may be NULL. Fails as soket_listen(). The caller frees it with soket_link_free(). */
SOKET_API struct soket_link *soket_link_new(const char *from, const char *to, const struct soket_link_options *options,
					    struct soket_error *err);
/* As soket_listener_address(); NULL also where nothing is listened on. From any thread, also while it runs. */
SOKET_API const char *soket_link_address(const struct soket_link *link, int i);

/* Run it on this thread until it was stopped, or until its only link has ended. Once. SIGPIPE is blocked in this
 * thread meanwhile. Returns 0; the failure of the only link, where there is just one (SOKET_E_TIMEOUT: idle_ms;
 * SOKET_E_IO with EINTR in err->sys: cut by soket_link_stop()); else what made it end. Where "-" is one end of the
 * only link, descriptor 1 points to /dev/null once everything was written, so that the reader of a pipeline sees the
 * end. */
SOKET_API int soket_link_run(struct soket_link *link, struct soket_error *err);

/* Ask it to end: it stops accepting at once, and its links may go on for the time of grace. Asked again, it cuts
 * them. From any thread, from on_event, and from a signal handler (signal-safety(7)), between soket_link_new() and
 * soket_link_free(). Before soket_link_run() it makes that return soon. */
SOKET_API void soket_link_stop(struct soket_link *link);

/* What it did so far; after soket_link_run() has returned, or from on_event. */
struct soket_link_totals {
	uint64_t links, failed, refused; /* links opened, never opened, kept out by the access list */
	uint64_t sent, received;         /* bytes delivered from FROM to TO, and back, by links that have ended */
	int status;                      /* of the last program that ended: as soket_finish() gives it; -1: none */
};
SOKET_API void soket_link_totals(const struct soket_link *link, struct soket_link_totals *ret);

/* Stop listening and free it; not while it runs. NULL is fine. */
SOKET_API void soket_link_free(struct soket_link *link);

/* soket_link_new(), soket_link_run() and soket_link_free() in one. on_event is given the link to stop. Returns as
 * soket_link_run(), or the negative kind of what soket_link_new() fails with. */
SOKET_API int soket_link(const char *from, const char *to, const struct soket_link_options *options,
			 struct soket_error *err);

#ifdef __cplusplus
}
#endif

#endif
