/** Ways in which an archive of LinuxKI, and the members in it, can be wrong. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { BLOCK } from "../../collector/archive/tar-header.ts";
import { archive, file, folder, header, longName, pax } from "../../collector/archive/testing.ts";
import { captureOf } from "./linuxki-captures.ts";
import { type Choices, mutated, mutatedText, nasty } from "./linuxki-mutations.ts";

/** What an archive is made of. */
export interface Packed {
	readonly tgz: Buffer;
	/** Unpacked by itself. */
	readonly folder: string;
	readonly members: readonly string[];
}

export function packedOf(path: string, unpacked: string): Packed {
	return {
		tgz: readFileSync(path),
		folder: unpacked,
		members: readdirSync(unpacked)
			.filter((n) => statSync(join(unpacked, n)).isFile())
			.sort(),
	};
}

const zip = (tar: Buffer): Buffer => gzipSync(tar, { level: 1 });

function edited(bytes: Buffer, c: Choices): Buffer {
	let out = Buffer.from(bytes);
	for (let n = 1 + c.below(6); n > 0 && out.length > 0; n--) {
		const at = c.below(out.length);
		c.pick<() => void>([
			() => {
				out[at]! ^= 1 << c.below(8);
			},
			() => {
				out.fill(c.below(256), at, Math.min(out.length, at + c.below(3000)));
			},
			() => {
				out = Buffer.concat([out.subarray(0, at), out.subarray(at + c.below(2000))]);
			},
			() => {
				out = Buffer.concat([out.subarray(0, at), out.subarray(at, at + c.below(2000)), out.subarray(at)]);
			},
		])();
	}
	return out;
}

/** Where the headers of members are, as far as they follow one another. */
function headersOf(tar: Buffer): number[] {
	const places: number[] = [];
	for (let at = 0; at + BLOCK <= tar.length; ) {
		const size = Number.parseInt(tar.toString("latin1", at + 124, at + 135), 8);
		if (tar[at] === 0 || Number.isNaN(size)) break;
		places.push(at);
		// the map of a sparse file goes on in blocks of its own
		let more = at + BLOCK;
		if (tar[at + 156] === 0x53 && tar[at + 482] === 1) {
			do more += BLOCK;
			while (tar[more - BLOCK + 504] === 1);
		}
		at = more + Math.ceil(size / BLOCK) * BLOCK;
	}
	return places;
}

/** Fields of a header: place and bytes. */
const headerFields: readonly (readonly [at: number, size: number])[] = [
	[0, 100],
	[100, 8],
	[124, 12],
	[124, 12],
	[136, 12],
	[156, 1],
	[157, 100],
	[257, 8],
	[345, 155],
	[386, 96],
	[482, 1],
	[483, 12],
];

const texts: readonly string[] = [
	"../../evil",
	"/tmp/evil",
	"a/../../evil",
	"",
	".",
	"..",
	"\u0001\u0002",
	"con",
	"a".repeat(100),
	`${"d/".repeat(49)}x`,
	"77777777777\0",
	"00000000000\0",
	"-0000000001\0",
	"\x80\0\0\0\0\0\0\0\0\0\x10\0",
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	"ki.bin.000.0101_0000",
	"ustar  \0",
];

function setChecksum(tar: Buffer, at: number): void {
	tar.fill(0x20, at + 148, at + 156);
	const sum = tar.subarray(at, at + BLOCK).reduce((a, b) => a + b, 0);
	tar.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148, "latin1");
}

function wrongHeaders(tar: Buffer, c: Choices): Buffer {
	const out = Buffer.from(tar);
	const places = headersOf(out);
	for (let n = 1 + c.below(5); n > 0; n--) {
		const at = c.pick(places);
		const [field, size] = c.pick(headerFields);
		if (size === 1)
			out[at + field] = c.pick([
				0,
				1,
				0x30,
				0x31,
				0x32,
				0x35,
				0x36,
				0x53,
				0x4c,
				0x4b,
				0x78,
				0x67,
				c.below(256),
			]);
		else if (c.chance(0.2)) out[at + field + c.below(size)] = c.below(256);
		else {
			out.fill(0, at + field, at + field + size);
			out.write(c.pick(texts).slice(0, size), at + field, "latin1");
		}
		setChecksum(out, at);
	}
	return out;
}

/** Bytes that no text member has. */
function garbage(c: Choices): Buffer {
	const length = c.below(200_000);
	return c.pick<() => Buffer>([
		() => Buffer.from(Array.from({ length: Math.min(length, 20_000) }, () => c.below(256))),
		() => Buffer.alloc(length, c.below(256)),
		() => Buffer.from("command not found\n".repeat(1 + (length % 50))),
		() => Buffer.from(`${"x".repeat(length)}\n`),
		() => Buffer.from("1 2 3 4 5 6 7 8 9 a b c\n".repeat(length / 24)),
		() =>
			Buffer.from(
				Array.from({ length: length / 40 }, () => `${c.pick(nasty)} ${c.pick(nasty)} -1 :: /\n`).join(""),
			),
		() => Buffer.alloc(0),
	])();
}

/** Members that a reader takes, by the begin of their names; each is as likely as all others together. */
const TAKEN =
	/^(lsof|maps|ps-|kallsyms|ll_R|dmesg|uname|devices|cpuinfo|lscpu|interrupts|getconf|uptime|proc_cgroup|sysfs|cstates|numa)/;

async function wrongMembers(
	packed: Packed,
	name: string,
	cache: string,
	c: Choices,
	next: () => number,
): Promise<Buffer> {
	const kinds = packed.members.filter((m) => TAKEN.test(m));
	const content = new Map<string, Buffer>(
		packed.members.map((m) => [m, readFileSync(join(packed.folder, m))]),
	);
	for (let n = 1 + c.below(5); n > 0; n--) {
		const member = c.chance(0.7) ? c.pick(kinds) : c.pick(packed.members);
		if (!member.startsWith("ki.bin.")) content.set(member, wrongText(content.get(member)!, c));
	}
	if (c.chance(0.4))
		for (const [m, bytes] of mutated(await captureOf([name, "as recorded"], cache), next))
			content.set(m, bytes);
	if (c.chance(0.1)) content.delete(c.pick(packed.members));
	return archive(...[...content].map(([m, bytes]) => file(m, bytes)));
}

function wrongText(bytes: Buffer, c: Choices): Buffer {
	if (c.chance(0.3)) return garbage(c);
	if (c.chance(0.2) && bytes.length > 0) return edited(bytes, c);
	return mutatedText(bytes, c);
}

/** Members that do not belong there, before, behind and between those that do. */
function strangers(packed: Packed, c: Choices, outside: string): Buffer {
	const own = packed.members.map((m) => file(m, readFileSync(join(packed.folder, m))));
	const text = "x".repeat(c.below(3000));
	for (let n = 1 + c.below(8); n > 0; n--) {
		const name = c.chance(0.5) ? c.pick(texts) : c.pick(packed.members);
		const stranger = c.pick<() => Buffer>([
			() => file(name, text),
			() => folder(name),
			() => header({ name: c.pick(packed.members), type: "5" }),
			() => header({ name: c.chance(0.5) ? name : "out", type: "2", target: outside }),
			() => header({ name, type: "1", target: c.pick(packed.members) }),
			() => file("out/evil", text),
			() => header({ name, type: c.pick(["3", "4", "6", "7", "V", "M", "N", "z"]), size: c.below(5000) }),
			() => longName("l/".repeat(c.below(3000))),
			() => pax([["path", c.pick(["../evil", "/tmp/evil", "a\0b", "", "x".repeat(5000)])]]),
			() => pax([["size", c.pick(["0", "-1", "99999999999999999999", "8", "x"])]]),
			() =>
				pax([
					["GNU.sparse.realsize", "99999999999"],
					["GNU.sparse.map", "0,8,9999999999,8"],
				]),
			() => file(c.pick(["trace.dat", "perf.data", "ki.bin.0101_0000", "ki.bin.000.0101_0000"]), text),
			() => Buffer.alloc(BLOCK, c.below(256)),
		])();
		own.splice(c.below(own.length + 1), 0, stranger);
	}
	return archive(...own);
}

/** An archive that is wrong. `outside` must not be touched. */
export async function wrongArchive(
	packed: Packed,
	name: string,
	cache: string,
	outside: string,
	c: Choices,
	next: () => number,
): Promise<{ readonly how: string; readonly bytes: Buffer }> {
	const tar = (): Buffer => gunzipSync(packed.tgz);
	const ways: Readonly<Record<string, () => Buffer | Promise<Buffer>>> = {
		"compressed bytes": () => edited(packed.tgz, c),
		"bytes of the archive": () => zip(edited(tar(), c)),
		headers: () => zip(wrongHeaders(tar(), c)),
		"headers, plain": () => wrongHeaders(tar(), c),
		cut: () => packed.tgz.subarray(0, c.below(packed.tgz.length)),
		"cut, packed again": () => {
			const whole = tar();
			return zip(whole.subarray(0, c.below(whole.length)));
		},
		members: async () => zip(await wrongMembers(packed, name, cache, c, next)),
		"members, too": async () => zip(await wrongMembers(packed, name, cache, c, next)),
		strangers: () => zip(strangers(packed, c, outside)),
	};
	const how = c.pick(Object.keys(ways));
	return { how, bytes: await ways[how]!() };
}
