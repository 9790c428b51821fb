import { expect, it } from "vitest";
import { Strings } from "../../write/string-pool.ts";
import { CommCache, decodeText, Interner } from "./interner.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");

it("bytes that are not UTF-8 are kept as \\xNN, the text around them as it is", () => {
	expect(decodeText(Buffer.from("aü", "utf8"))).toBe("aü");
	expect(decodeText(bytes("a\xffb\xc3"))).toBe("a\\xFFb\\xC3");
	expect(decodeText(Buffer.concat([bytes("\xe2\x82"), Buffer.from("€")]))).toBe("\\xE2\\x82€");
	// an overlong form and a surrogate are not UTF-8
	expect(decodeText(bytes("\xc0\xaf\xed\xa0\x80"))).toBe("\\xC0\\xAF\\xED\\xA0\\x80");
});

it("one text has one code, up to its first NUL, however many there are", () => {
	const strings = new Strings();
	const interner = new Interner(strings);
	for (let i = 0; i < 5000; i++)
		expect(strings.text(interner.code(bytes(`name-${i}\0rest`), 0, 16))).toBe(`name-${i}`);
	expect(strings.size).toBe(5000);
	expect(interner.code(bytes("name-17"), 0, 7)).toBe(interner.code(bytes("name-17\0xyz"), 0, 11));
	expect(strings.text(interner.code(bytes(""), 0, 0))).toBe("");
});

it("rubbish behind the NUL of a thread name makes no other name", () => {
	const strings = new Strings();
	const comms = new CommCache(new Interner(strings));
	const code = (text: string): number => {
		const words = new Int32Array(4);
		const own = new Uint8Array(words.buffer);
		own.set(bytes(text));
		return comms.code(words, own, 0);
	};
	expect(code("bash\0abc")).toBe(code("bash\0\0xyz"));
	expect(code("bash")).not.toBe(code("bash2"));
	expect(strings.text(code("sixteen-letters!"))).toBe("sixteen-letters!");
});
