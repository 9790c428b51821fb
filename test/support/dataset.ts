/**
 * Datasets of the tests: each trace is collected once per build by the command line, and opened as a plain DuckDB user
 * would, by the open.sql that the collector wrote.
 */
import { createHash } from "node:crypto";
import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { openDuckdb } from "../../lib/duckdb/open.ts";
import { type Manifest, parseManifest } from "../../lib/schema/manifest.ts";
import { cacheFolder } from "./cache.ts";
import { powerki, program } from "./cli.ts";
import type { TestTrace } from "./traces.ts";

function buildHash(): string {
	const hash = createHash("sha256");
	const dist = dirname(program);
	for (const folder of [dist, join(dist, "chunks")])
		for (const name of readdirSync(folder).sort())
			if (name.endsWith(".js")) hash.update(name).update(readFileSync(join(folder, name)));
	return hash.digest("hex").slice(0, 16);
}

let build: string | null = null;

const DAY = 24 * 60 * 60 * 1000;

/** Datasets of builds that are a day old. */
function removeOldBuilds(cache: string): void {
	for (const name of readdirSync(cache))
		if (/^[0-9a-f]{16}$/.test(name) && Date.now() - statSync(join(cache, name)).mtimeMs > DAY)
			rmSync(join(cache, name), { recursive: true, force: true });
}

/**
 * Folder of the dataset that holds the trace alone (all its buffers), or the traces together, collected when first asked
 * for. Damage is no failure here: exit 4 leaves a dataset.
 */
export async function collected(
	trace: TestTrace | readonly TestTrace[],
	options: readonly string[] = [],
): Promise<string> {
	build ??= buildHash();
	const traces = "path" in trace ? [trace] : trace;
	const paths = traces.flatMap((t) => t.paths);
	const all = [...new Set(traces.map((t) => t.options.join("\0")))]
		.flatMap((o) => (o === "" ? [] : o.split("\0")))
		.concat(options);
	const id = createHash("sha256")
		.update(paths.map((p) => `${p} ${statSync(p).mtimeMs}`).join("\n"))
		.update(JSON.stringify(all))
		.digest("hex")
		.slice(0, 16);
	const folder = join(cacheFolder(), build, id);
	if (existsSync(folder)) return folder;
	if (!existsSync(dirname(folder))) {
		removeOldBuilds(cacheFolder());
		mkdirSync(dirname(folder), { recursive: true });
	}
	const lock = `${folder}.lock`;
	if (await madeByAnother(folder, lock)) return folder;
	try {
		const making = `${folder}.${process.pid}`;
		const run = await powerki(["collect", ...paths, "--out", making, ...all]);
		if (run.code !== 0 && run.code !== 4)
			throw new Error(
				`collect ${traces.map((t) => t.name).join(" ")} ended with ${run.code ?? run.signal}: ${run.stderr}`,
			);
		renameSync(making, folder);
	} finally {
		rmSync(lock, { force: true });
	}
	return folder;
}

/** Takes the lock (false), or waits while another test process makes the folder (true). */
async function madeByAnother(folder: string, lock: string): Promise<boolean> {
	for (;;) {
		try {
			writeFileSync(lock, String(process.pid), { flag: "wx" });
			if (!existsSync(folder)) return false;
			rmSync(lock);
			return true;
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
		}
		if (existsSync(folder)) return true;
		if (!isHeld(lock)) rmSync(lock, { force: true });
		await setTimeout(100);
	}
}

/** Whether the process that took the lock is there still. */
function isHeld(lock: string): boolean {
	try {
		const holder = Number(readFileSync(lock, "utf8"));
		return holder === 0 || process.kill(holder, 0);
	} catch {
		return false;
	}
}

export type Value = null | boolean | number | bigint | string | readonly Value[];
export type ResultRow = Readonly<Record<string, Value>>;

export interface TestDataset {
	readonly folder: string;
	readonly manifests: readonly Manifest[];
	rows(sql: string): Promise<readonly ResultRow[]>;
	/** The first row of the answer. */
	row(sql: string): Promise<ResultRow>;
	run(sql: string): Promise<void>;
	close(): void;
}

export async function openDataset(folder: string): Promise<TestDataset> {
	const db = await openDuckdb({ threads: 1 });
	const { connection } = db;
	await connection.run(`SET file_search_path = '${folder.replaceAll("'", "''")}'`);
	await connection.run(readFileSync(join(folder, "open.sql"), "utf8"));
	const traces = join(folder, "_traces");
	const rows = async (sql: string) => {
		const reader = await connection.runAndReadAll(sql);
		return reader.getRowObjectsJS() as unknown as readonly ResultRow[];
	};
	return {
		folder,
		manifests: readdirSync(traces)
			.filter((n) => n.endsWith(".json"))
			.map((n) => parseManifest(readFileSync(join(traces, n), "utf8"), n)),
		rows,
		row: async (sql) => (await rows(sql))[0]!,
		run: async (sql) => {
			await connection.run(sql);
		},
		close: () => db.close(),
	};
}

/** Collects (once) and opens. */
export async function datasetOf(
	trace: TestTrace | readonly TestTrace[],
	options: readonly string[] = [],
): Promise<TestDataset> {
	return openDataset(await collected(trace, options));
}

/** Text for a failure: the first violating rows. */
export function show(rows: readonly ResultRow[], most = 5): string {
	return rows
		.slice(0, most)
		.map((r) => JSON.stringify(r, (_, v) => (typeof v === "bigint" ? String(v) : v)))
		.join("\n");
}

/** Fails with the first of the rows where there are any. */
export function expectNone(rows: readonly ResultRow[]): void {
	if (rows.length > 0) throw new Error(`${rows.length} rows, such as\n${show(rows)}`);
}
