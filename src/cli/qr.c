/* SPDX-License-Identifier: Apache-2.0 */
/* QR codes for a terminal.
 *
 * How it works: a character cell is twice as high as wide, so each shows two modules, one above the other, by a half block whose two
 * colours are set outright: black on white, whatever the terminal's own colours are. Around the code lie two modules of white, which is less
 * than the standard asks for and what every phone takes. libqrencode is loaded only here, so that nobody else pays for it. */
#include "cli/qr.h"

#include <dlfcn.h>
#include <langinfo.h>
#include <qrencode.h>
#include <string.h>

#include "base/message.h"

enum { QR_QUIET = 2 };

static bool qr_is_dark(const QRcode *code, int x, int y)
{
	if (x < 0 || y < 0 || x >= code->width || y >= code->width)
		return false;
	return code->data[y * code->width + x] & 1;
}

/* Two rows of modules as one line. */
static void qr_line(const QRcode *code, int y, struct skt_text *ret)
{
	static const char *const cell[4] = { " ", "\xe2\x96\x84", "\xe2\x96\x80", "\xe2\x96\x88" };

	skt_text_add(ret, "\033[38;5;16;48;5;231m");
	for (int x = -QR_QUIET; x < code->width + QR_QUIET; x++)
		skt_text_add(ret, cell[qr_is_dark(code, x, y) * 2 + qr_is_dark(code, x, y + 1)]);
	skt_text_add(ret, "\033[0m\n");
}

/* Without UTF-8: each module is two blanks of its colour. */
static void qr_plain_line(const QRcode *code, int y, struct skt_text *ret)
{
	for (int x = -QR_QUIET; x < code->width + QR_QUIET; x++)
		skt_text_addf(ret, "\033[%sm  ", qr_is_dark(code, x, y) ? "40" : "107");
	skt_text_add(ret, "\033[0m\n");
}

int skt_qr_print(const char *text, struct skt_text *ret, struct skt_error *err)
{
	void *library = dlopen("libqrencode.so.4", RTLD_NOW);
	QRcode *(*encode)(const char *, int, QRecLevel, QRencodeMode, int) = NULL;
	void (*release)(QRcode *) = NULL;
	bool is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	QRcode *code;

	if (library) {
		*(void **)(&encode) = dlsym(library, "QRcode_encodeString");
		*(void **)(&release) = dlsym(library, "QRcode_free");
	}
	if (!encode || !release) {
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("QR codes are made by libqrencode, which is not installed"));
		skt_hint(err, "%s", _("on Debian: apt install libqrencode4"));
		return -SKT_E_USAGE;
	}
	code = encode(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
	if (!code)
		return skt_fail(err, SKT_E_USAGE, 0, "%s", _("the URL is too long for a QR code"));
	for (int y = -QR_QUIET; y < code->width + QR_QUIET; y += is_utf8 ? 2 : 1) {
		if (is_utf8)
			qr_line(code, y, ret);
		else
			qr_plain_line(code, y, ret);
	}
	release(code);
	(void)dlclose(library);
	return ret->failed ? skt_fail_memory(err) : 0;
}
