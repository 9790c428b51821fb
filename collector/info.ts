/** `powerki info`: what a trace, or each trace of a dataset, holds. */
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { catalog } from "../lib/schema/catalog.ts";
import { exitCode, PowerkiError } from "../lib/schema/errors.ts";
import { cpuSample } from "../lib/schema/events.ts";
import type { TraceInfo } from "../lib/schema/info.ts";
import { TRACES_DIRECTORY } from "../lib/schema/layout.ts";
import type { Manifest } from "../lib/schema/manifest.ts";
import { unpack } from "./archive/unpack.ts";
import { fileHash } from "./file-hash.ts";
import { openInput, type PackedInput, type Trace } from "./open-input.ts";
import { readSideFiles } from "./side/index.ts";
import { environment } from "./write/environment.ts";
import { readManifests } from "./write/publish.ts";

export interface InspectOptions {
	/** Bytes that may come out of an archive; default: 1 GiB, or 50 times its size. */
	readonly maxExpand?: number;
	readonly signal?: AbortSignal;
}

export async function inspect(path: string, options: InspectOptions = {}): Promise<TraceInfo[]> {
	if (existsSync(path) && statSync(path).isDirectory() && existsSync(join(path, TRACES_DIRECTORY))) {
		const manifests = await readManifests(path);
		if (manifests.length === 0)
			throw new PowerkiError(exitCode.unreadable, `${path}: a dataset without traces`, [
				"fill it: powerki collect TRACE --out DATASET",
			]);
		return manifests.map(fromManifest);
	}
	const input = await openInput(path);
	return input.packing === null ? inspectTrace(input) : inspectPacked(input, options);
}

async function inspectTrace({ path, format, files }: Trace): Promise<TraceInfo[]> {
	const side = await readSideFiles(path, []);
	return format.inspect(files, side.timebaseHz);
}

/** Unpacked into the system's folder for temporary files, which is clean again afterwards. */
async function inspectPacked(input: PackedInput, options: InspectOptions): Promise<TraceInfo[]> {
	const folder = await environment(tmpdir(), async () => mkdtempSync(join(tmpdir(), "powerki-info-")), room);
	const remove = (): void => rmSync(folder, { recursive: true, force: true });
	// a second signal ends the process at once
	process.once("exit", remove);
	try {
		const trace = await environment(tmpdir(), () => unpack(input, join(folder, "unpacked"), options), room);
		const sha256 = fileHash(input.path);
		const infos = await inspectTrace(trace);
		const texts = (severities: readonly string[]): string[] =>
			trace.notes.filter((n) => severities.includes(n.severity)).map((n) => n.text);
		return infos.map((info) => ({
			...info,
			source: basename(input.path),
			bytes: input.bytes,
			sha256,
			damage: [...texts(["error"]), ...info.damage],
			notes: [...texts(["warning", "info"]), ...info.notes],
		}));
	} finally {
		process.off("exit", remove);
		remove();
	}
}

const room = { kept: "nothing was left behind", instead: "choose another place: TMPDIR=DIR" };

function fromManifest(m: Manifest): TraceInfo {
	const counts = Object.entries(m.eventCounts);
	const happened = new Set(counts.map(([name]) => name));
	return {
		format: m.format.name,
		formatVersion: m.format.version,
		recorder: "",
		buffer: m.buffer,
		source: m.sources.map((s) => s.name).join(", "),
		bytes: m.sources.reduce((sum, s) => sum + s.bytes, 0),
		sha256: m.sources[0]?.sha256 ?? "",
		host: m.host,
		arch: m.machine.arch,
		kernel: m.machine.kernel,
		littleEndian: m.machine.littleEndian,
		longBytes: m.machine.longBytes,
		pageBytes: m.machine.pageBytes,
		compression: null,
		cpus: m.machine.cpus,
		cpusWithRecords: m.cpus.filter((c) => c.events > 0).map((c) => c.cpu),
		clock: m.clock.name,
		clockUnit: m.clock.unit,
		wallOffset: m.clock.wallOffset,
		start: m.window?.start ?? null,
		end: m.window?.end ?? null,
		events: Object.fromEntries(counts.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))),
		silent:
			m.recorded?.filter(
				(name) => !happened.has(name) && catalog.get(name)?.kind !== "derived" && name !== cpuSample.name,
			) ?? [],
		lost: m.lost,
		damage: m.damage.map((d) => d.text),
		unknownEvents: m.unknownEvents,
		notes: [
			`dataset: trace ${m.trace}, ${Object.keys(m.tables).length} tables, ${Object.values(m.tables).reduce((s, t) => s + t.bytes, 0)} bytes of Parquet`,
		],
	};
}
