/**
 * From finished files to a dataset that everybody sees: files are written in a staging folder with a dot-name,
 * moved into place, and committed by the manifest, which is written last. Killed at any point, readers see what was
 * there before; what is left over is removed by the next collection.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { catalog } from "../../lib/schema/catalog.ts";
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";
import {
	manifestPath,
	OPEN_SQL,
	openSql,
	partName,
	TRACES_DIRECTORY,
	tableDir,
} from "../../lib/schema/layout.ts";
import {
	formatManifest,
	type Manifest,
	type ManifestTable,
	parseManifest,
} from "../../lib/schema/manifest.ts";
import { alive, parseOwner, self, withLock } from "./lock.ts";
import type { WrittenTable } from "./parquet-writer.ts";

const STAGING = ".collect-";
const OWNER = "owner.json";

/** Makes the dataset's folder if it is not there, removes what dead collections left, and opens a staging folder. */
export async function openStaging(dataset: string, signal?: AbortSignal): Promise<string> {
	await mkdir(join(dataset, TRACES_DIRECTORY), { recursive: true });
	const staging = join(dataset, `${STAGING}${process.pid}-${randomBytes(4).toString("hex")}`);
	await withLock(dataset, signal, async () => {
		await mkdir(staging);
		await writeFile(join(staging, OWNER), JSON.stringify(self()));
		await removeDeadStaging(dataset);
		await removeOrphans(dataset, await readManifests(dataset));
	});
	return staging;
}

/** Finishes what a collection that was killed after its commit left undone: leftovers, and open.sql. */
export async function tidy(dataset: string, signal?: AbortSignal): Promise<void> {
	await withLock(dataset, signal, async () => {
		await removeDeadStaging(dataset);
		const manifests = await readManifests(dataset);
		await removeOrphans(dataset, manifests);
		await writeOpenSql(dataset, manifests);
	});
}

async function writeOpenSql(dataset: string, manifests: readonly Manifest[]): Promise<void> {
	const path = join(dataset, OPEN_SQL);
	const text = openSql(manifests, catalog);
	if ((await readFile(path, "utf8").catch(() => "")) !== text) await replaceFile(path, text);
}

async function removeDeadStaging(dataset: string): Promise<void> {
	for (const name of await readdir(dataset)) {
		if (!name.startsWith(STAGING)) continue;
		const owner = parseOwner(await readFile(join(dataset, name, OWNER), "utf8").catch(() => ""));
		if (!owner || !alive(owner)) await rm(join(dataset, name), { recursive: true, force: true });
	}
}

export async function readManifests(dataset: string): Promise<Manifest[]> {
	const directory = join(dataset, TRACES_DIRECTORY);
	if (!existsSync(directory)) return [];
	const manifests: Manifest[] = [];
	for (const name of (await readdir(directory)).sort()) {
		if (!name.endsWith(".json") || name.startsWith(".")) continue;
		const path = join(directory, name);
		manifests.push(parseManifest(await readFile(path, "utf8"), path));
	}
	return manifests;
}

/** Part files that no manifest lists: of a collection that was killed between moving files and the manifest. */
async function removeOrphans(dataset: string, manifests: readonly Manifest[]): Promise<void> {
	const committed = new Set<string>();
	for (const m of manifests)
		for (const [table, t] of Object.entries(m.tables))
			for (const file of t.files) committed.add(join(tableDir(table, m.date, m.host, m.trace), file));
	for (const table of await readdir(dataset, { withFileTypes: true })) {
		if (!table.isDirectory() || table.name.startsWith(".") || table.name.startsWith("_")) continue;
		await sweep(dataset, join(dataset, table.name), committed);
	}
}

/** Only files that look like ours are removed, and folders that are empty then. */
async function sweep(dataset: string, directory: string, committed: ReadonlySet<string>): Promise<void> {
	for (const entry of await readdir(directory, { withFileTypes: true })) {
		const path = join(directory, entry.name);
		if (entry.isDirectory()) await sweep(dataset, path, committed);
		else if (/^part-\d+\.parquet$/.test(entry.name) && !committed.has(relative(dataset, path)))
			await rm(path, { force: true });
	}
	await rmdir(directory).catch(() => {});
}

/** Moves a trace's files into place and commits them; replaces what the dataset had of this trace. */
export async function publish(
	dataset: string,
	tables: ReadonlyMap<string, WrittenTable>,
	manifest: Omit<Manifest, "tables">,
	signal?: AbortSignal,
): Promise<Manifest> {
	return withLock(dataset, signal, async () =>
		commit(dataset, { ...manifest, tables: await moveIntoPlace(dataset, tables, manifest) }),
	);
}

/**
 * Replaces some tables of a trace; the others keep their files. `replaced` names them: those that `tables` does not have
 * are gone then. `manifest` is what the dataset said when the new rows were made from the old ones, with what changes in
 * it besides the tables.
 *
 * @throws PowerkiError (environment) if the trace was collected again meanwhile: nothing is replaced then
 */
export async function publishSome(
	dataset: string,
	tables: ReadonlyMap<string, WrittenTable>,
	replaced: readonly string[],
	manifest: Manifest,
	change: Partial<Pick<Manifest, "symbolized">>,
	signal?: AbortSignal,
): Promise<Manifest> {
	return withLock(dataset, signal, async () => {
		const current = (await readManifests(dataset)).find((m) => m.trace === manifest.trace);
		if (!current || formatManifest(current) !== formatManifest(manifest))
			throw new PowerkiError(
				exitCode.environment,
				`${dataset}: trace ${manifest.trace} was replaced meanwhile by another powerki`,
				["the dataset is as that one left it", "run the command again"],
			);
		const kept = Object.entries(manifest.tables).filter(([name]) => !replaced.includes(name));
		const moved = Object.entries(await moveIntoPlace(dataset, tables, manifest));
		return commit(dataset, {
			...manifest,
			...change,
			tables: Object.fromEntries([...kept, ...moved].sort((a, b) => (a[0] < b[0] ? -1 : 1))),
		});
	});
}

/** Moves finished files beside what a trace has already: nobody sees them before the manifest lists them. */
async function moveIntoPlace(
	dataset: string,
	tables: ReadonlyMap<string, WrittenTable>,
	manifest: Pick<Manifest, "date" | "host" | "trace">,
): Promise<Record<string, ManifestTable>> {
	// names of tables come from the trace
	const moved = new Map<string, ManifestTable>();
	for (const [name, table] of [...tables].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
		const directory = join(dataset, tableDir(name, manifest.date, manifest.host, manifest.trace));
		await mkdir(directory, { recursive: true });
		const first = await nextPart(directory);
		const files: string[] = [];
		for (const [i, file] of table.files.entries()) {
			const part = partName(first + i);
			await rename(file, join(directory, part));
			files.push(part);
		}
		moved.set(name, {
			rows: table.rows,
			bytes: table.bytes,
			minTs: table.minTs,
			maxTs: table.maxTs,
			files,
			columns: Object.fromEntries(table.columns),
		});
	}
	return Object.fromEntries(moved);
}

/** The manifest makes it true; then open.sql follows, and what no manifest lists any more goes. */
async function commit(dataset: string, manifest: Manifest): Promise<Manifest> {
	await replaceFile(join(dataset, manifestPath(manifest.trace)), formatManifest(manifest));
	const manifests = await readManifests(dataset);
	await writeOpenSql(dataset, manifests);
	await removeOrphans(dataset, manifests);
	return manifest;
}

/** A replaced trace keeps its files until the new manifest is there: the new ones take higher numbers. */
async function nextPart(directory: string): Promise<number> {
	let next = 0;
	for (const name of await readdir(directory)) {
		const m = /^part-(\d+)\.parquet$/.exec(name);
		if (m) next = Math.max(next, Number(m[1]) + 1);
	}
	return next;
}

/** Writes beside, flushes to the disk, and renames: a reader sees the old text or the new one. */
async function replaceFile(path: string, text: string): Promise<void> {
	const beside = join(dirname(path), `.${basename(path)}.${process.pid}`);
	const file = await open(beside, "w");
	try {
		await file.writeFile(text);
		await file.sync();
	} finally {
		await file.close();
	}
	await rename(beside, path);
}
