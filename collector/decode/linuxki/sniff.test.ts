import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { chunk, record } from "./chunk-testing.ts";
import { isLinuxki } from "./sniff.ts";

const HEAD = 4096;
const records = (version: number) =>
	Array.from({ length: 200 }, (_, k) =>
		record({ ts: 5000 + k, id: 17, pid: k % 3 ? 7 : -1, body: Buffer.alloc(8) }, version),
	);

/** A piece of an ftrace buffer: events of `words` 32-bit words each. */
function piece(time: bigint, events: number, { commit = 16 * events, type = 300, pid = 1 } = {}): Buffer {
	const bytes = Buffer.alloc(16 + 16 * events);
	bytes.writeBigUInt64LE(time, 0);
	bytes.writeUInt32LE(commit, 8);
	for (let k = 0; k < events; k++) {
		bytes.writeUInt32LE(3 | (100 << 5), 16 + 16 * k);
		bytes.writeUInt16LE(type, 20 + 16 * k);
		bytes.writeInt32LE(pid, 24 + 16 * k);
	}
	return bytes;
}

describe("a file begins like a ki.bin", () => {
	it.each([1, 3, 5, 7, 9])("of LiKI, version word %d", (version) => {
		expect(isLinuxki(chunk(records(version), { version }).subarray(0, HEAD))).toBe(true);
	});

	it("of a CPU that did nothing, or little", () => {
		expect(isLinuxki(chunk([], { began: 1000, synced: 1001, last: true }))).toBe(true);
		expect(isLinuxki(chunk([record({ ts: 1000, id: 1 })], { last: true }))).toBe(true);
	});

	it("of the ftrace mode", () => {
		expect(isLinuxki(piece(10n ** 9n, 100))).toBe(true);
	});
});

describe("a file does not", () => {
	it("where a chunk's header or a record says what cannot be", () => {
		const with_ = (at: number, byte: number): Buffer => {
			const bytes = Buffer.from(chunk(records(9)).subarray(0, HEAD));
			bytes[at] = byte;
			return bytes;
		};
		expect(isLinuxki(with_(8, 1))).toBe(false); // length
		expect(isLinuxki(with_(10, 255))).toBe(false);
		expect(isLinuxki(with_(12, 8))).toBe(false); // version
		expect(isLinuxki(with_(12, 11))).toBe(false);
		expect(isLinuxki(with_(24 + 8, 0))).toBe(false); // id
		expect(isLinuxki(with_(24 + 9, 1))).toBe(false);
		expect(isLinuxki(with_(24 + 12, 49))).toBe(false); // length of a record
		expect(isLinuxki(with_(24 + 22, 1))).toBe(false); // cpu
		expect(isLinuxki(with_(24 + 7, 255))).toBe(false); // than the next
	});

	it("where it is something else", () => {
		const elf = readFileSync(process.execPath).subarray(0, HEAD);
		const text = Buffer.from("# tracer: nop\n#\n# entries-in-buffer/entries-written: 1/1 #P:2\n".repeat(80));
		for (const bytes of [
			elf,
			text,
			gzipSync(text),
			Buffer.alloc(HEAD),
			Buffer.alloc(HEAD, 1),
			Buffer.alloc(0),
			Buffer.alloc(23),
		])
			expect(isLinuxki(bytes.subarray(0, HEAD))).toBe(false);
	});

	it("where it is random", () => {
		for (let k = 0; k < 2000; k++) {
			const bytes = Buffer.concat(
				Array.from({ length: 4 }, (_, j) => createHash("sha512").update(`${k} ${j}`).digest()),
			);
			expect(isLinuxki(bytes)).toBe(false);
			// with a version word that fits
			bytes.writeUInt32LE([0, 1, 9][k % 3]!, 12);
			expect(isLinuxki(bytes)).toBe(false);
		}
	});

	it("where events of the ftrace mode make no sense", () => {
		expect(isLinuxki(piece(0n, 100))).toBe(false);
		expect(isLinuxki(piece(10n ** 9n, 100, { commit: 8 }))).toBe(false);
		expect(isLinuxki(piece(10n ** 9n, 100, { commit: 30 }))).toBe(false);
		expect(isLinuxki(piece(10n ** 9n, 100, { type: 0 }))).toBe(false);
		expect(isLinuxki(piece(10n ** 9n, 100, { pid: -2 }))).toBe(false);
	});
});
