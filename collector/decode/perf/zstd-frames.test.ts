import { decompress } from "fzstd";
import { describe, expect, it } from "vitest";
import { Writer } from "./testing.ts";
import { ZstdFrames } from "./zstd-frames.ts";

/** Header of a frame with a window, not ending by itself. */
const head = (window = 10 << 3) => new Writer().u32(0xfd2fb528).raw(Uint8Array.of(0, window));
/** A raw block; `last` ends the frame. */
const block = (text: string, last = 0) =>
	Buffer.concat([Buffer.from([last | (text.length << 3), text.length >> 5, 0]), Buffer.from(text)]);

function pendingAfter(...pieces: Uint8Array[]): boolean {
	const frames = new ZstdFrames();
	for (const piece of pieces) frames.push(piece);
	return frames.pending;
}

describe("a stream ends well between two blocks only", () => {
	const stream = Buffer.concat([head().done(), block("one"), block("three"), block("end", 1)]);
	const ends = new Set([0, 6, 12, 20, stream.length]);

	it("wherever it is cut", () => {
		for (let n = 0; n <= stream.length; n++)
			expect([n, pendingAfter(stream.subarray(0, n))]).toEqual([n, !ends.has(n)]);
	});

	it("in whatever pieces it comes", () => {
		for (let n = 0; n <= stream.length; n++)
			expect(
				pendingAfter(stream.subarray(0, n), ...[...stream.subarray(n)].map((b) => Uint8Array.of(b))),
			).toBe(false);
	});

	it("with frames behind one another, one to be skipped, one with a checksum", () => {
		const skipped = new Writer().u32(0x184d2a53, 5).raw("later").done();
		const checked = new Writer().u32(0xfd2fb528).raw(Uint8Array.of(4, 0)).raw(block("x", 1)).u32(0).done();
		expect(pendingAfter(stream, skipped, checked, stream)).toBe(false);
		expect(pendingAfter(stream, skipped, checked.subarray(0, -1))).toBe(true);
		expect(decompress(Buffer.concat([stream, stream])).length).toBe(22);
	});

	it("with blocks of one byte repeated, and empty ones", () => {
		const repeated = Uint8Array.of(2, 0, 0x10, 9);
		expect(pendingAfter(head().done(), repeated, Uint8Array.of(0, 0, 0), repeated)).toBe(false);
		expect(pendingAfter(head().done(), repeated.subarray(0, 3))).toBe(true);
	});
});

describe("what makes no sense, or asks for too much", () => {
	const bad = (bytes: Uint8Array) => expect(() => pendingAfter(bytes)).toThrow(RangeError);

	it("another magic, a block of a type that there is not, or too large", () => {
		bad(Buffer.from("nonsense"));
		bad(
			head()
				.raw(Uint8Array.of(6, 0, 0))
				.done(),
		);
		bad(
			head()
				.raw(Uint8Array.of(0xf8, 0xff, 0xff))
				.done(),
		);
	});

	it("a window of more than 128 MiB, also in a later frame", () => {
		expect(pendingAfter(head(17 << 3).done())).toBe(false);
		bad(head((17 << 3) | 1).done());
		bad(Buffer.concat([head().done(), block("x", 1), head(21 << 3).done()]));
	});

	it("a content of more than 128 MiB in a single segment", () => {
		const single = (flag: number, size: bigint, bytes: number) => {
			const w = new Writer().u64(size).done();
			return new Writer()
				.u32(0xfd2fb528)
				.raw(Uint8Array.of(0x20 | (flag << 6)))
				.raw(w.subarray(0, bytes))
				.done();
		};
		expect(pendingAfter(single(0, 255n, 1))).toBe(false);
		expect(pendingAfter(single(2, 2n ** 27n, 4))).toBe(false);
		bad(single(2, 2n ** 31n, 4));
		bad(single(3, 2n ** 63n, 8));
		bad(single(3, 2n ** 40n, 8));
	});
});
