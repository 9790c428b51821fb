/** What `perf script` prints of a capture, one sample at a time. */
import { perf } from "./program.ts";

export interface PrintedSample {
	readonly comm: string;
	/** -1 where the print does not tell it. */
	readonly pid: number;
	readonly tid: number;
	/** null where the samples of the capture do not tell it. */
	readonly cpu: number | null;
	/** ns. */
	readonly ts: bigint;
	readonly period: bigint;
	/** With its system, as perf names it. */
	readonly event: string;
	/** The fields of a tracepoint, printed as its format says; empty for other events. */
	readonly fields: string;
	/** Address of the instruction. */
	readonly ip: bigint | null;
	/** Addresses of the chain, leaf first, each with the name that perf gave it. */
	readonly chain: readonly PrintedFrame[];
}

export interface PrintedFrame {
	readonly address: bigint;
	readonly symbol: string | null;
	/** Bytes from the start of the function, where they are printed. */
	readonly offset: bigint | null;
	/** The mapped file, where it is printed and known. */
	readonly file: string | null;
}

// "pipe-ping   290/290  [001]  1181.437614240:   1   sched:sched_waking: comm=… c0000000001a0488"; the guests' own
// prints have the thread alone, and µs
const head =
	/^\s*(\S.*?)\s+(?:(-?\d+)\/)?(-?\d+)\s+(?:\[(\d+)\]\s+)?(\d+)\.(\d{6}|\d{9}):\s+(?:(\d+)\s+)?([\w-]+(?::[\w-]+)?(?::[a-zA-Z]+)?):\s*(.*)$/;
// "c00000000002c5a4 system_call_exception+0x134 ([kernel.kallsyms])"
const frame = /^\s+([0-9a-f]+)(?: (.*?)(?:\+0x([0-9a-f]+))?)?(?: \((.*)\))?$/;

const signed = (hex: string): bigint => BigInt.asIntN(64, BigInt(`0x${hex}`));

/** Reads the print of fields comm, pid, tid, cpu (where there), time, period, event, trace, ip, sym. */
export function parseScript(lines: readonly string[]): PrintedSample[] {
	const samples: (PrintedSample & { chain: PrintedFrame[] })[] = [];
	for (const line of lines) {
		const m = head.exec(line);
		if (m !== null) {
			const tail = / ?\s*\b([0-9a-f]+)$/.exec(m[9]!);
			samples.push({
				comm: m[1]!,
				pid: Number(m[2] ?? -1),
				tid: Number(m[3]),
				cpu: m[4] === undefined ? null : Number(m[4]),
				ts: BigInt(m[5]! + m[6]!.padEnd(9, "0")),
				period: BigInt(m[7] ?? 1),
				event: m[8]!,
				fields: m[9]!.slice(0, tail?.index ?? undefined).trim(),
				ip: tail ? signed(tail[1]!) : null,
				chain: [],
			});
			continue;
		}
		const f = frame.exec(line);
		if (f !== null)
			samples.at(-1)?.chain.push({
				address: signed(f[1]!),
				symbol: f[2] === undefined || f[2] === "[unknown]" ? null : f[2],
				offset: f[3] === undefined ? null : BigInt(`0x${f[3]}`),
				file: f[4] === undefined || f[4] === "[unknown]" ? null : f[4],
			});
	}
	return samples;
}

/** The samples of a file with the instruction's address and without chains; null where perf cannot read the file. */
export function printedSamples(path: string): PrintedSample[] | null {
	const fields = (names: string) => perf(["script", "-i", path, "-G", "--ns", "-F", names]);
	const rest = "comm,pid,tid,time,period,event,trace,ip";
	const lines = fields(`${rest},cpu`) ?? fields(rest);
	return lines === null ? null : parseScript(lines);
}

/** The samples of a file with their chains. */
export function printedChains(path: string): PrintedSample[] | null {
	const lines = perf(["script", "-i", path, "--ns", "-F", "comm,pid,tid,time,event,ip"]);
	return lines === null ? null : parseScript(lines);
}

/** Records of FORK or EXIT in the order of time. */
export function taskRecords(
	path: string,
	kind: "FORK" | "EXIT",
): readonly { readonly ts: bigint; readonly pid: number; readonly tid: number }[] {
	const lines =
		perf(["script", "-i", path, "--ns", "--show-task-events", "-F", "comm,pid,tid,time,event"]) ?? [];
	const record = /\s(\d+)\.(\d{9}): PERF_RECORD_(\w+)\((\d+):(\d+)\)/;
	return lines.flatMap((line) => {
		const m = record.exec(line);
		return m?.[3] === kind ? [{ ts: BigInt(m[1]! + m[2]!), pid: Number(m[4]), tid: Number(m[5]) }] : [];
	});
}

export interface PrintedMapping {
	readonly start: bigint;
	readonly end: bigint;
	readonly name: string;
}

/** Executable mappings of all processes of a file. */
export function executableMappings(path: string): readonly PrintedMapping[] {
	const lines =
		perf(["script", "-i", path, "--ns", "--show-mmap-events", "-F", "comm,pid,tid,time,event"]) ?? [];
	const record = /PERF_RECORD_MMAP2? -?\d+\/-?\d+: \[0x([0-9a-f]+)\(0x([0-9a-f]+)\) @ .*\]: (\S+) (.*)$/;
	return lines.flatMap((line) => {
		const m = record.exec(line);
		if (!m || !m[3]!.includes("x")) return [];
		const start = signed(m[1]!);
		return [{ start, end: start + BigInt(`0x${m[2]}`), name: m[4]! }];
	});
}
