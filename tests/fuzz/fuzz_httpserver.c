/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what a client says to the HTTP server, end to end: nothing crashes or hangs, every connection ends, and as much is answered in
 * whatever pieces the bytes come. The first byte chooses the pieces; the handler answers at once, with a stream, or takes the body first. */
#include "below.h"

#include <unistd.h>

#include "http/server.h"
#include "io/filepart.h"
#include "loop/loop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROUNDS = 200000 };

struct fuzz_client {
	struct fuzz_below below;
	bool is_over;
};

static int fuzz_take(void *user, struct skt_exchange *x, const char *bytes, size_t n)
{
	(void)user;
	(void)x;
	return memchr(bytes, '\1', n) ? 413 : 0;
}

static void fuzz_end(void *user, struct skt_exchange *x, bool good)
{
	(void)user;
	if (good)
		skt_exchange_reply(x, 200, "text/plain", "taken", 5);
}

static void fuzz_let_go(void *user)
{
	(void)user;
}

static int fuzz_file = -1;

static void fuzz_handle(struct skt_http_handler *handler, struct skt_exchange *x)
{
	static const struct skt_http_sink sink = { fuzz_take, fuzz_end };
	const struct skt_request *r = skt_exchange_request(x);
	struct skt_stream *body;
	struct skt_error err;

	(void)handler;
	if (r->method == SKT_METHOD_PUT) {
		skt_exchange_receive(x, &sink, NULL);
	} else if (r->path.n % 3 == 0) {
		if (skt_filepart_new(skt_exchange_loop(x), fuzz_file, 0, 3000, fuzz_let_go, NULL, &body, &err) < 0)
			fuzz_stop("no body");
		skt_exchange_reply_stream(x, 200, "text/plain", body, r->path.n % 2 ? 3000 : -1);
	} else if (r->path.n % 3 == 1) {
		skt_exchange_field(x, "X", "y");
		skt_exchange_reply(x, 200, "text/plain", r->path.s, r->path.n);
	} else {
		skt_exchange_reply_status(x, 404, "no");
	}
}

static void fuzz_done(struct skt_served *served, const struct skt_error *err)
{
	struct fuzz_client *client = served->user;

	(void)err;
	client->is_over = true;
}

static void fuzz_serve(struct skt_service *service, struct skt_loop *loop, void *place, struct fuzz_client *client)
{
	const struct skt_client who = { 0 };
	struct skt_served *served;
	struct skt_error err;
	int rounds = 0;

	if (service->begin(service, place, &client->below.stream, &who, &served, &err) < 0)
		fuzz_stop("no connection");
	served->done = fuzz_done;
	served->user = client;
	for (; !client->is_over && rounds < ROUNDS; rounds++) {
		if (skt_loop_round(loop, 0, &err) < 0)
			fuzz_stop("no round");
		if (!client->is_over)
			skt_stream_wake(&client->below.stream);
	}
	if (!client->is_over)
		fuzz_stop("a connection that does not end");
	service->free(served);
}

static void fuzz_make_file(void)
{
	char path[] = "/tmp/fuzz-XXXXXX";
	char bytes[4096] = "a file";

	fuzz_file = mkstemp(path);
	if (fuzz_file < 0 || remove(path) != 0 || write(fuzz_file, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes))
		fuzz_stop("no file");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_client client[2] = { { .below.stream.ops = &fuzz_ops }, { .below.stream.ops = &fuzz_ops } };
	struct skt_http_handler handler = { .handle = fuzz_handle };
	struct skt_http_options options = { .handler = &handler };
	struct skt_service *service;
	struct skt_loop *loop;
	struct skt_error err;
	void *place;

	if (size < 2)
		return 0;
	if (fuzz_file < 0)
		fuzz_make_file();
	if (skt_loop_new(&loop, &err) < 0 || skt_http_server_new(&options, &service, &err) < 0 ||
	    service->open(service, loop, &place, &err) < 0)
		fuzz_stop("no server");
	for (int i = 0; i < 2; i++) {
		client[i].below.data = data + 1;
		client[i].below.n = size - 1;
		client[i].below.piece = i ? 1U + data[0] : 0;
		fuzz_serve(service, loop, place, &client[i]);
	}
	service->close(service, place);
	skt_http_server_free(service);
	skt_loop_free(loop);
	return 0;
}
