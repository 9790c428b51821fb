/** What is mutated: the members of the archives of LinuxKI in test/traces that its readers open, and other forms of them. */
import { readdirSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { expand } from "../../collector/archive/expand.ts";
import { CHUNK, CHUNK_HEADER } from "../../collector/decode/linuxki/chunks.ts";
import { versions } from "../../collector/decode/linuxki/record-layouts.ts";
import { readSideFiles, type SideFiles } from "../../collector/side/index.ts";
import { linuxkiOldVersion, linuxkiTrace } from "../support/traces.ts";

export interface Capture {
	readonly name: string;
	/** Version word; 0 = ftrace mode. */
	readonly version: number;
	readonly tag: string;
	readonly files: readonly KiBin[];
	/** Other members that the readers open themselves, by name. */
	readonly members: ReadonlyMap<string, Buffer>;
	/** Of the whole archive. */
	readonly side: SideFiles;
}

export interface KiBin {
	readonly name: string;
	readonly bytes: Buffer;
	/** Where its chunks (pieces in ftrace mode) and its records begin. */
	readonly chunks: readonly number[];
	readonly records: readonly number[];
}

type Form = "as recorded" | "merged" | "split" | "short" | "short, merged";
type Kind = readonly [source: string | 1 | 2 | 3 | 4, form: Form];

/** Every mode and version in a short form, which is read in no time. */
const short: readonly Kind[] = [
	["x86-liki-mixed", "short"],
	["x86-liki-disk", "short"],
	["x86-liki-sock", "short"],
	["x86-liki-futex", "short"],
	["x86-liki-runq", "short"],
	["x86-liki-lost", "short"],
	["ppc64le-liki-mixed", "short"],
	["ppc64le-liki-4k-smt2-all", "short"],
	["x86-liki-mixed", "short, merged"],
	["ppc64le-liki-4k-smt2-all", "short, merged"],
	[1, "short"],
	[2, "short"],
	[3, "short"],
	[4, "short"],
	["x86-ftrace-mixed", "short"],
	["ppc64le-ftrace-4k-mixed", "short"],
	["ppc64le-ftrace-64k-damaged", "short"],
];

/** Every mode and version as it is. */
const whole: readonly Kind[] = [
	["x86-liki-sock", "as recorded"],
	["ppc64le-liki-4k-smt2-all", "as recorded"],
	["ppc64le-liki-mixed", "merged"],
	[1, "split"],
	[2, "split"],
	[3, "split"],
	[4, "as recorded"],
	["ppc64le-ftrace-4k-mixed", "as recorded"],
	["ppc64le-ftrace-64k-damaged", "as recorded"],
	["x86-ftrace-mixed", "as recorded"],
];

/** Of a seed: one in twelve is whole. */
export function kindOf(seed: number): Kind {
	return seed % 12 === 0 ? whole[(seed / 12) % whole.length]! : short[seed % short.length]!;
}

const captures = new Map<string, Promise<Capture>>();

/** `folder` is where an archive is unpacked when it is first asked for. */
export function captureOf(kind: Kind, folder: string): Promise<Capture> {
	const key = kind.join(" ");
	let known = captures.get(key);
	if (known === undefined) {
		known = make(kind, folder);
		captures.set(key, known);
	}
	return known;
}

const unpacked = new Map<string, Promise<{ path: string; side: SideFiles }>>();

function membersOf(source: Kind[0], folder: string): Promise<{ path: string; side: SideFiles }> {
	const key = String(source);
	let known = unpacked.get(key);
	if (known === undefined) {
		known = (async () => {
			let path = join(folder, `capture-${process.pid}-${key}`);
			if (typeof source === "number") path = linuxkiOldVersion(source).path;
			else {
				await mkdir(path, { recursive: true });
				await expand(linuxkiTrace(source).path, { compression: "gzip", tar: true }, path);
			}
			return { path, side: await readSideFiles(path, []) };
		})();
		unpacked.set(key, known);
	}
	return known;
}

/** The readers take these from the folder, whatever else is there: machine, formats and names of events. */
const OPENED = /^(uname-a|getconf-a|ids|.*\.fmt)\.\d{4}_\d{4}$/;

async function make([source, form]: Kind, folder: string): Promise<Capture> {
	const { path, side } = await membersOf(source, folder);
	const names = readdirSync(path).sort();
	const own = names.filter((n) => n.startsWith("ki.bin."));
	const tag = own[0]!.split(".").at(-1)!;
	let files: { name: string; bytes: Buffer }[] = own.map((name) => ({
		name,
		bytes: readFileSync(join(path, name)),
	}));
	const version = files[0]!.bytes.readUInt32LE(12);
	if (form.startsWith("short"))
		files = files.map(({ name, bytes }) => ({
			name,
			bytes: version === 0 ? begin(bytes) : thin(bytes, version),
		}));
	if (form.endsWith("merged"))
		files = [
			{
				name: `ki.bin.${tag}`,
				bytes: packed(
					files.flatMap((f) => recordsOf(f.bytes, version)),
					version,
				),
			},
		];
	if (form === "split") files = split(files[0]!.bytes, version, tag);
	return {
		name: `${source} ${form}`,
		version,
		tag,
		files: files.map((f) => ({ ...f, ...places(f.bytes, version) })),
		members: new Map(
			names.filter((n) => OPENED.test(n)).map((n) => [basename(n), readFileSync(join(path, n))]),
		),
		side,
	};
}

const PIECE_HEADER = 16;

function places(bytes: Buffer, version: number): { chunks: number[]; records: number[] } {
	const chunks: number[] = [];
	const records: number[] = [];
	if (version === 0) {
		for (let at = 0; at + PIECE_HEADER <= bytes.length; at += PIECE_HEADER + bytes.readUInt32LE(at + 8)) {
			chunks.push(at);
			const end = at + PIECE_HEADER + bytes.readUInt32LE(at + 8);
			for (let p = at + PIECE_HEADER; p + 8 <= end; ) {
				records.push(p);
				const type = bytes[p]! & 31;
				p += type === 0 ? 4 + bytes.readUInt32LE(p + 4) : type > 28 ? 8 : 4 + 4 * type;
			}
		}
	} else
		for (let at = 0; at + CHUNK_HEADER <= bytes.length; at += CHUNK) {
			chunks.push(at);
			records.push(...recordsIn(bytes, at, version));
		}
	return { chunks, records };
}

function recordsIn(bytes: Buffer, chunk: number, version: number): number[] {
	const { headerBytes } = versions[version]!;
	const records: number[] = [];
	const end = Math.min(bytes.length, chunk + CHUNK_HEADER + bytes.readUInt32LE(chunk + 8));
	for (let p = chunk + CHUNK_HEADER; p + headerBytes <= end; p += bytes.readUInt32LE(p + 12)) records.push(p);
	return records;
}

function recordsOf(bytes: Buffer, version: number): Buffer[] {
	return places(bytes, version).records.map((p) => bytes.subarray(p, p + bytes.readUInt32LE(p + 12)));
}

/** Records of a chunk that are left in short forms, bytes. */
const THIN = 12_000;
/** Chunks that are left. */
const CHUNKS = 3;

/** The first records of the first chunks. */
function thin(bytes: Buffer, version: number): Buffer {
	const out = Buffer.from(bytes.subarray(0, CHUNKS * CHUNK));
	let end = 0;
	for (let at = 0; at + CHUNK_HEADER <= out.length; at += CHUNK) {
		const next = recordsIn(bytes, at, version).find((p) => p - at >= THIN);
		if (next !== undefined) out.writeUInt32LE(next - at - CHUNK_HEADER, at + 8);
		end = at + CHUNK_HEADER + out.readUInt32LE(at + 8);
	}
	return out.subarray(0, end);
}

/** The first pieces. */
function begin(bytes: Buffer): Buffer {
	const { chunks } = places(bytes, 0);
	return Buffer.from(bytes.subarray(0, chunks.find((at) => at > 3 * THIN) ?? bytes.length));
}

/** Chunks of a merged file: records in order of time. */
function packed(records: readonly Buffer[], version: number): Buffer {
	const sorted = [...records].sort((a, b) => Number(a.readBigUInt64LE(0) - b.readBigUInt64LE(0)));
	const chunks: Buffer[] = [];
	for (let k = 0; k < sorted.length; ) {
		const chunk = Buffer.alloc(CHUNK);
		sorted[k]!.copy(chunk, 0, 0, 8);
		let end = CHUNK_HEADER;
		for (; k < sorted.length && end + sorted[k]!.length <= CHUNK; k++) end += sorted[k]!.copy(chunk, end);
		chunk.writeUInt32LE(end - CHUNK_HEADER, 8);
		chunk.writeUInt32LE(version, 12);
		chunks.push(k < sorted.length ? chunk : chunk.subarray(0, end));
	}
	return Buffer.concat(chunks);
}

/** The files of the CPUs that a merged file came from. */
function split(bytes: Buffer, version: number, tag: string): { name: string; bytes: Buffer }[] {
	const byCpu = new Map<number, Buffer[]>();
	for (const record of recordsOf(bytes, version)) {
		const cpu = record.readInt32LE(20);
		byCpu.set(cpu, [...(byCpu.get(cpu) ?? []), record]);
	}
	return [...byCpu].map(([cpu, records]) => ({
		name: `ki.bin.${String(cpu).padStart(3, "0")}.${tag}`,
		bytes: packed(records, version),
	}));
}
