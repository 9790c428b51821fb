/** A trace.dat file opened for reading: what reading and inspecting it share. */
import { closeSync, fstatSync, openSync } from "node:fs";
import { basename } from "node:path";
import { exitCode, PowerkiError } from "../../../lib/schema/errors.ts";
import { FileBytes, Truncated } from "../bytes.ts";
import type { EventFormat } from "../tracepoint/format.ts";
import { RecordMemory } from "../tracepoint/memory.ts";
import type { ClockScale } from "./clock.ts";
import { type BufferInfo, readHeader, type TraceDatHeader } from "./header.ts";
import { pageLayout } from "./page-layout.ts";
import { ChunkedPages, type PageStream, PlainPages } from "./pages.ts";
import { CpuRecords } from "./records.ts";

/** Bytes of pages in memory: 1 MiB a CPU, less where there are many CPUs. */
const REGION = 1024 * 1024;
const REGIONS = 64 * 1024 * 1024;

/** Formats of more systems than anybody switches on: the header of `trace-cmd extract`, which carries all. */
const ALL_SYSTEMS = 40;

/** Machine facts of `uname`: sysname, node name, release, machine. */
export function parseUname(uname: string): {
	host: string | null;
	kernel: string | null;
	arch: string | null;
} {
	const [, host, kernel, arch] = uname.split(/\s+/);
	return { host: host || null, kernel: kernel || null, arch: arch || null };
}

export function openTraceDat(path: string): { file: FileBytes; header: TraceDatHeader; close(): void } {
	const fd = openSync(path, "r");
	try {
		const file = new FileBytes(fd, fstatSync(fd).size);
		return { file, header: readHeader(file), close: () => closeSync(fd) };
	} catch (error) {
		closeSync(fd);
		if (!(error instanceof Truncated)) throw error;
		throw new PowerkiError(
			exitCode.unreadable,
			`${basename(path)}: a trace.dat file that ends before its events begin`,
			[
				`its header is cut off: ${error.message}`,
				"nothing was written; copy the file again from the machine that recorded it",
			],
			{ cause: error },
		);
	}
}

/** Buffers that are traces of their own. @throws PowerkiError where the file has no events to give */
export function tracesOf(path: string, header: TraceDatHeader): readonly BufferInfo[] {
	if (header.version >= 7 && !header.decompress)
		throw new PowerkiError(
			exitCode.unreadable,
			`${basename(path)}: compression ${header.compression} is not known`,
			["known: none, zlib, zstd", "record again, or convert: trace-cmd convert --compression zstd"],
		);
	if (header.formats.length === 0 || header.buffers.length === 0)
		throw new PowerkiError(
			exitCode.unreadable,
			`${basename(path)}: a trace.dat file without ${header.formats.length === 0 ? "event formats" : "event data"}`,
			[
				...header.problems.map((p) => p.text),
				header.problems.some((p) => p.kind === "truncated")
					? "nothing can be recovered from what is left; copy the file again from the machine that recorded it"
					: "nothing was written",
			],
		);
	const withData = header.buffers.filter((b) => b.cpus.some((c) => c.size > 0));
	// A recording made for its instances has an empty main buffer: not a trace of its own.
	return withData.length > 0 ? withData : header.buffers.slice(0, 1);
}

export interface OpenBuffer {
	readonly memory: RecordMemory;
	readonly streams: readonly (PageStream & { readonly data: { readonly cpu: number } })[];
	/** One for each CPU of the buffer, before the first record. */
	readonly records: readonly CpuRecords[];
}

/** Of a record of the ring buffer, at most. */
const HEAD_BYTES = 8;

export function openBuffer(file: FileBytes, header: TraceDatHeader, buffer: BufferInfo): OpenBuffer {
	const { pageBytes, cpus } = buffer;
	const each = Math.max(
		pageBytes,
		Math.floor(Math.min(REGION, REGIONS / Math.max(1, cpus.length)) / pageBytes) * pageBytes,
	);
	// the head of a damaged record may reach beyond the last page
	const memory = new RecordMemory(
		new ArrayBuffer(each * Math.max(1, cpus.length) + HEAD_BYTES),
		header.littleEndian,
	);
	const compressed = header.version >= 7 && header.compression !== "none";
	const layout = pageLayout(header.headerPage, header.longBytes);
	const streams = cpus.map((data) =>
		compressed
			? new ChunkedPages(file, data, pageBytes, header.littleEndian, header.decompress!)
			: new PlainPages(file, data, pageBytes),
	);
	const records = streams.map(
		(stream, i) => new CpuRecords(stream.data.cpu, memory, i * each, each, stream, pageBytes, layout),
	);
	return { memory, streams, records };
}

/** A stamp of the file in ns, with the offsets that the file states. */
export function stampNs(stamp: bigint, scale: ClockScale, header: TraceDatHeader): bigint {
	return (stamp * BigInt(scale.numerator)) / BigInt(scale.denominator) + header.offset + (header.date ?? 0n);
}

/**
 * Events that were switched on, sorted: those whose format the file carries, since trace-cmd record writes no others.
 * null where the file carries all that the kernel has. The system ftrace is always there and tells nothing.
 */
export function recordedEvents(
	formats: readonly EventFormat[],
	happened: readonly string[],
): string[] | null {
	if (new Set(formats.map((f) => f.system)).size > ALL_SYSTEMS) return null;
	return [
		...new Set([...formats.filter((f) => f.system !== "ftrace").map((f) => f.name), ...happened]),
	].sort();
}
