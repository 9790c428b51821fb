/** trace-cmd as a second reader. Tests that need it are skipped where it is not installed. */
import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";

const version = spawnSync("trace-cmd", ["--version"], { encoding: "utf8" });

/** What `trace-cmd --version` says; null where it is not installed. */
export const traceCmd: string | null = version.error ? null : version.stdout.trim();

export interface ReportLine {
	readonly comm: string;
	readonly pid: number;
	readonly cpu: number;
	/** As printed: seconds with nine digits joined to ns, or the bare number of clocks that trace-cmd does not know. */
	readonly ts: bigint;
	readonly event: string;
	readonly fields: string;
}

// "   comm-1234  [003] d..2. 16.153695691: event: fields"; with several buffers the line begins with the buffer's
// name; the flags may be glued to an unknown clock's stamp.
const line =
	/^\s*(?:\S+:\s+)?(.*)-(\d+)\s+\[(\d+)\]\s*(?:[^\s\d][^\s]{2,}\s+)?(\d+)(?:\.(\d{9}))?:\s+([\w-]+):\s*(.*)$/;

export function parseReportLine(text: string): ReportLine | null {
	const m = line.exec(text);
	if (m === null) return null;
	return {
		comm: m[1]!,
		pid: Number(m[2]),
		cpu: Number(m[3]),
		ts: BigInt(m[4]! + (m[5] ?? "")),
		event: m[6]!,
		fields: m[7]!,
	};
}

/** Lines of `trace-cmd report <options> path`; null where this trace-cmd cannot read the file. */
export async function report(path: string, options: readonly string[]): Promise<ReportLine[] | null> {
	const child = spawn("trace-cmd", ["report", ...options, path], { stdio: ["ignore", "pipe", "pipe"] });
	const closed = new Promise<number | null>((resolve) => child.on("close", resolve));
	let complaints = "";
	child.stderr.setEncoding("utf8").on("data", (text) => {
		complaints += text;
	});
	const lines: ReportLine[] = [];
	for await (const text of createInterface({ input: child.stdout })) {
		const parsed = parseReportLine(text);
		if (parsed !== null) lines.push(parsed);
	}
	const code = await closed;
	if (code !== 0 || lines.length === 0 || /not supported|could not|cannot/i.test(complaints)) return null;
	return lines;
}

/** "cpu event" to records. */
export async function reportCounts(path: string): Promise<ReadonlyMap<string, number> | null> {
	const lines = await report(path, ["-t", "-R"]);
	if (lines === null) return null;
	const counts = new Map<string, number>();
	for (const l of lines) {
		const key = `${l.cpu} ${l.event}`;
		counts.set(key, (counts.get(key) ?? 0) + 1);
	}
	return counts;
}
