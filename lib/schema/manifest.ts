/**
 * The manifest of one trace, `_traces/<trace>.json`: what was imported, from what, with which result. It is
 * written last and alone commits a trace: files that no manifest lists do not exist for any reader.
 * In the file, stamps and other 64-bit numbers are decimal strings, since JSON numbers lose digits above 2^53.
 */
import { exitCode, PowerkiError } from "./errors.ts";

/** Version of this format; a reader refuses a higher one. */
export const MANIFEST_VERSION = 1;

export interface ManifestSource {
	/** File name without folder. */
	readonly name: string;
	readonly bytes: number;
	/** 64 lower-case hex digits. */
	readonly sha256: string;
}

export interface ManifestSideFile extends ManifestSource {
	/** What the content was recognised as: kallsyms, cpuinfo, ps, ... */
	readonly kind: string;
	/** A member of the archive that is the trace's source, whose hash stands for it. */
	readonly member?: boolean;
}

export interface ManifestTable {
	readonly rows: number;
	/** Bytes of the Parquet files. */
	readonly bytes: number;
	/** Least and greatest `ts`, ns on the trace's clock; null for a table without `ts` or without rows. */
	readonly minTs: bigint | null;
	readonly maxTs: bigint | null;
	/** Names inside the table's directory of this trace, in order of time. */
	readonly files: readonly string[];
	/**
	 * SQL type by column, for what the schema does not declare: the whole of an undeclared tracepoint's table,
	 * or extra fields that this kernel has in a declared one.
	 */
	readonly columns?: Readonly<Record<string, string>>;
}

/** Of all runs since the import that found something. */
export interface ManifestSymbolized {
	/** Names of the folders with programs and libraries, in the order given. */
	readonly symbols: readonly string[];
	/** Files that gave the names of kernel functions. */
	readonly side: readonly ManifestSideFile[];
	/** As of the import; of the last run. */
	readonly versions: Readonly<Record<string, string>>;
}

export interface ManifestCpu {
	readonly cpu: number;
	/** First and last record, ns on the trace's clock; null where the CPU has no record. */
	readonly firstTs: bigint | null;
	readonly lastTs: bigint | null;
	readonly events: number;
}

export interface Manifest {
	/** 16 hex digits. */
	readonly trace: string;
	/** Day of the recording, YYYY-MM-DD; null if unknown. */
	readonly date: string | null;
	/** Host as the path names it (only [A-Za-z0-9._-]); null if unknown. */
	readonly host: string | null;
	readonly format: { readonly name: string; readonly version: string };
	/** Name of the buffer instance; empty for the main buffer. */
	readonly buffer: string;
	readonly sources: readonly ManifestSource[];
	readonly sideFiles: readonly ManifestSideFile[];
	readonly machine: {
		readonly arch: string | null;
		readonly kernel: string | null;
		readonly cpus: number;
		readonly littleEndian: boolean;
		readonly longBytes: number;
		/** null if unknown. */
		readonly pageBytes: number | null;
		readonly model: string | null;
	};
	readonly clock: {
		readonly name: string;
		/** "ns", or what a stamp counts where the clock does not count time. */
		readonly unit: string;
		/** Wall clock minus trace clock, ns; null if unknown. */
		readonly wallOffset: bigint | null;
	};
	/** First and last record; null where there is none. */
	readonly window: { readonly start: bigint; readonly end: bigint } | null;
	readonly cpus: readonly ManifestCpu[];
	/** Options of the import that change its result. */
	readonly options: Readonly<Record<string, string | number | boolean | null | readonly string[]>>;
	/** Program to version: powerki, duckdb, node. */
	readonly versions: Readonly<Record<string, string>>;
	/** What gave names to frames after the import (powerki symbolize); absent if nothing did. */
	readonly symbolized?: ManifestSymbolized;
	readonly tables: Readonly<Record<string, ManifestTable>>;
	/** Events that were switched on, whether they happened or not, sorted; null where the source does not tell. */
	readonly recorded: readonly string[] | null;
	/** Records imported. */
	readonly events: number;
	/** Records by name of the event, stacks included (which have no table of their own). */
	readonly eventCounts: Readonly<Record<string, number>>;
	readonly lost: {
		/** Events lost, as far as the recorder counted; null if a gap has an unknown number. */
		readonly events: number | null;
		readonly gaps: number;
	};
	/** Places at which the input was not what its format says. */
	readonly damage: readonly { readonly source: string; readonly offset: number; readonly text: string }[];
	/** Event name (or number) to count, for records that could not be decoded. */
	readonly unknownEvents: Readonly<Record<string, number>>;
}

/** Keys whose values are decimal strings in the file and bigint (or null) in memory. */
const bigKeys: ReadonlySet<string> = new Set([
	"minTs",
	"maxTs",
	"firstTs",
	"lastTs",
	"wallOffset",
	"start",
	"end",
]);

/** Text of the manifest file: two-space JSON, stable for the same manifest, with a final newline. */
export function formatManifest(manifest: Manifest): string {
	const text = JSON.stringify(
		{ manifest: MANIFEST_VERSION, ...manifest },
		(_key, value) => (typeof value === "bigint" ? value.toString() : value),
		2,
	);
	return `${text}\n`;
}

/**
 * Reads the text of a manifest.
 * @param path only for messages
 * @throws PowerkiError (unreadable) if it is no manifest, or one of a later version
 */
export function parseManifest(text: string, path: string): Manifest {
	const refuse = (why: string, cause?: unknown): never => {
		throw new PowerkiError(
			exitCode.unreadable,
			`${path} is not a manifest that this powerki reads`,
			[why, "collect the trace again, or use the powerki that wrote the dataset"],
			{ cause },
		);
	};
	let value: unknown;
	try {
		value = JSON.parse(text, (key, v) =>
			bigKeys.has(key) && typeof v === "string" && /^-?\d+$/.test(v) ? BigInt(v) : v,
		);
	} catch (cause) {
		return refuse(`not JSON: ${(cause as Error).message}`, cause);
	}
	if (!isObject(value)) return refuse("not a JSON object");
	if (value.manifest !== MANIFEST_VERSION)
		return refuse(`format version ${String(value.manifest)}, expected ${MANIFEST_VERSION}`);
	const { manifest: _version, ...rest } = value;
	const fault = findFault(rest, shape, "");
	if (fault !== null) return refuse(fault);
	return rest as unknown as Manifest;
}

type Check = (value: unknown) => boolean;
type Shape = Check | { readonly [key: string]: Shape } | readonly [Shape] | { readonly each: Shape };

const isObject = (v: unknown): v is Record<string, unknown> =>
	typeof v === "object" && v !== null && !Array.isArray(v);
const isString: Check = (v) => typeof v === "string";
const isNumber: Check = (v) => typeof v === "number" && Number.isFinite(v);
const isBoolean: Check = (v) => typeof v === "boolean";
const isBig: Check = (v) => typeof v === "bigint";
const orNull =
	(check: Check): Check =>
	(v) =>
		v === null || check(v);
const isPathName: Check = (v) => typeof v === "string" && /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(v);
/** File names are joined into SQL and paths: nothing that leads elsewhere. */
const isPartName: Check = (v) => typeof v === "string" && /^[A-Za-z0-9_][A-Za-z0-9._-]*\.parquet$/.test(v);
const isDate: Check = (v) => typeof v === "string" && /^\d{4}-\d\d-\d\d$/.test(v);
const isRecord: Check = isObject;

const source = { name: isString, bytes: isNumber, sha256: isString };
const symbolized: Shape = {
	symbols: [isString],
	side: [{ ...source, kind: isString }],
	versions: { each: isString },
};
const shape: Shape = {
	trace: isPathName,
	date: orNull(isDate),
	host: orNull(isPathName),
	format: { name: isString, version: isString },
	buffer: isString,
	sources: [source],
	sideFiles: [{ ...source, kind: isString, member: (v) => v === undefined || isBoolean(v) }],
	machine: {
		arch: orNull(isString),
		kernel: orNull(isString),
		cpus: isNumber,
		littleEndian: isBoolean,
		longBytes: isNumber,
		pageBytes: orNull(isNumber),
		model: orNull(isString),
	},
	clock: { name: isString, unit: isString, wallOffset: orNull(isBig) },
	window: (v) => v === null || findFault(v, { start: isBig, end: isBig }, "") === null,
	cpus: [{ cpu: isNumber, firstTs: orNull(isBig), lastTs: orNull(isBig), events: isNumber }],
	options: isRecord,
	versions: { each: isString },
	symbolized: (v) => v === undefined || findFault(v, symbolized, "") === null,
	tables: {
		each: {
			rows: isNumber,
			bytes: isNumber,
			minTs: orNull(isBig),
			maxTs: orNull(isBig),
			files: [isPartName],
			columns: (v) => v === undefined || findFault(v, { each: isString }, "") === null,
		},
	},
	recorded: orNull((v) => Array.isArray(v) && v.every(isString)),
	events: isNumber,
	eventCounts: { each: isNumber },
	lost: { events: orNull(isNumber), gaps: isNumber },
	damage: [{ source: isString, offset: isNumber, text: isString }],
	unknownEvents: { each: isNumber },
};

/** Where the value is not what the shape says: "tables.sched.rows", with what is there; null if it fits. */
function findFault(value: unknown, expected: Shape, at: string): string | null {
	if (typeof expected === "function")
		return expected(value) ? null : `${at || "value"} is ${describe(value)}`;
	if (Array.isArray(expected)) {
		if (!Array.isArray(value)) return `${at} is ${describe(value)}, expected a list`;
		for (let i = 0; i < value.length; i++) {
			const fault = findFault(value[i], expected[0], `${at}[${i}]`);
			if (fault !== null) return fault;
		}
		return null;
	}
	if (!isObject(value)) return `${at || "value"} is ${describe(value)}, expected an object`;
	const each = (expected as { each?: Shape }).each;
	const entries: [string, Shape][] =
		each !== undefined ? Object.keys(value).map((k) => [k, each]) : Object.entries(expected);
	for (const [key, inner] of entries) {
		const fault = findFault(value[key], inner, at === "" ? key : `${at}.${key}`);
		if (fault !== null) return fault;
	}
	return null;
}

function describe(value: unknown): string {
	return value === undefined
		? "missing"
		: JSON.stringify(value, (_k, v) => (typeof v === "bigint" ? String(v) : v));
}
