import { expect, test } from "vitest";
import { decode, encode, type Message } from "./wire.ts";

const message: Message = {
	identities: [Buffer.from("client"), Buffer.from([0, 1, 255])],
	header: {
		msg_id: "1",
		msg_type: "execute_request",
		session: "s",
		username: "u",
		date: "2026-01-01T00:00:00Z",
		version: "5.4",
	},
	parent: {},
	metadata: { a: 1 },
	content: { code: "'ü😀'" },
	buffers: [Buffer.from("raw")],
};

test.each(["key", ""])("a message comes back as it was sent, key %j", (key) => {
	expect(decode(encode(message, key), key)).toEqual(message);
});

test("the signature is HMAC-SHA256 over the four frames, in hex", () => {
	const frames = encode({ ...message, identities: [], buffers: [] }, "key");
	expect(frames).toHaveLength(6);
	expect(String(frames[1])).toMatch(/^[0-9a-f]{64}$/);
	expect(encode(message, "")[3]).toHaveLength(0);
});

test("a changed byte in any signed frame, another key, or no signature is refused", () => {
	for (let i = 0; i < 4; i++) {
		const frames = encode(message, "key").map((f) => Buffer.from(f));
		const frame = frames[4 + i];
		frame[frame.length - 1] ^= 1;
		expect(decode(frames, "key")).toBeUndefined();
	}
	expect(decode(encode(message, "other"), "key")).toBeUndefined();
	expect(decode(encode(message, ""), "key")).toBeUndefined();
});

test("what is no message is refused", () => {
	expect(decode([], "")).toBeUndefined();
	expect(decode([Buffer.from("x")], "")).toBeUndefined();
	expect(decode(encode(message, "").slice(0, -2), "")).toBeUndefined();
	const broken = encode(message, "");
	broken[4] = Buffer.from("{");
	expect(decode(broken, "")).toBeUndefined();
});
