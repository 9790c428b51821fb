/** PERF_RECORD_SWITCH_CPU_WIDE of a capture, straight from its bytes: specifications take them as a table. */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { prepareCompression } from "../../collector/decode/compression.ts";
import { describeEvents, EventIndex } from "../../collector/decode/perf/events.ts";
import { RecordReader } from "../../collector/decode/perf/record-reader.ts";
import { RecordTimes } from "../../collector/decode/perf/record-times.ts";
import { misc, recordType } from "../../collector/decode/perf/record-types.ts";
import { openRecording } from "../../collector/decode/perf/recording.ts";
import { CHUNK, scanRecording } from "../../collector/decode/perf/scan.ts";
import type { TestDataset } from "../support/dataset.ts";
import type { TestTrace } from "../support/traces.ts";

interface SwitchRecord {
	/** ns */
	readonly ts: bigint;
	readonly cpu: number;
	/** The thread leaves, else it comes. */
	readonly out: boolean;
	readonly preempted: boolean;
	/** tid of the thread, -1 for one that has ended, and of the one that comes or has left. */
	readonly tid: number;
	readonly other: number;
}

function switchRecords(path: string): SwitchRecord[] {
	const recording = openRecording([path]);
	try {
		const { littleEndian: le } = recording;
		const { formats } = scanRecording(
			recording,
			() => {},
			() => {},
		);
		const layouts = describeEvents(recording.events, formats).map((e) => e.layout);
		const records = new RecordTimes(new EventIndex(recording.events, layouts, le), layouts);
		const bytes = new Uint8Array(CHUNK);
		const view = new DataView(bytes.buffer);
		const stamp = new Float64Array(2);
		const found: SwitchRecord[] = [];
		for (const file of recording.files) {
			const reader = new RecordReader(file.bytes, file.section, le, () => {});
			for (let filled = reader.fill(bytes, 0, CHUNK); filled > 0; filled = reader.fill(bytes, 0, CHUNK))
				for (let p = 0; p < filled; p += view.getUint16(p + 6, le)) {
					if (view.getUint32(p, le) !== recordType.switchCpuWide) continue;
					const end = p + view.getUint16(p + 6, le);
					const flags = view.getUint16(p + 4, le);
					records.stamp(view, p, end, stamp);
					found.push({
						ts: (BigInt(stamp[1]!) << 32n) | BigInt(stamp[0]!),
						cpu: records.cpu(view, p, end),
						out: (flags & misc.switchOut) !== 0,
						preempted: (flags & misc.switchOutPreempt) !== 0,
						tid: view.getInt32(records.pidAt(view, p, end) + 4, le),
						other: view.getInt32(p + 12, le),
					});
				}
		}
		return found.sort((a, b) => (a.ts < b.ts ? -1 : a.ts > b.ts ? 1 : 0));
	} finally {
		recording.close();
	}
}

/** Fills the table switch_record with those of the captures whose switches are told by nothing else. */
export async function insertSwitchRecords(d: TestDataset, traces: readonly TestTrace[]): Promise<void> {
	await d.run(`CREATE TEMP TABLE switch_record
		(trace VARCHAR, pos BIGINT, ts BIGINT, cpu INTEGER, leaves BOOLEAN, preempted BOOLEAN, tid INTEGER, other INTEGER)`);
	const wanted = new Set(
		(await d.rows("SELECT DISTINCT trace FROM import_note WHERE kind = 'switch-records'")).map(
			(r) => r.trace,
		),
	);
	if (wanted.size === 0) return;
	await prepareCompression();
	for (const t of traces) {
		if (!statSync(t.path).isFile()) continue;
		const id = createHash("sha256").update(readFileSync(t.path)).digest("hex").slice(0, 16);
		if (!wanted.has(id)) continue;
		const rows = switchRecords(t.path).map(
			(r, pos) => `('${id}', ${pos}, ${r.ts}, ${r.cpu}, ${r.out}, ${r.preempted}, ${r.tid}, ${r.other})`,
		);
		await d.run(`INSERT INTO switch_record VALUES ${rows.join(", ")}`);
	}
}
