/** One writer at a time while a dataset's files are moved into place: a lock file that names its owner. */
import { closeSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { exitCode, Interrupted, PowerkiError } from "../../lib/schema/errors.ts";

export interface Owner {
	readonly pid: number;
	readonly host: string;
}

export const self = (): Owner => ({ pid: process.pid, host: hostname() });

/** Is the process that wrote this still there? Unknown (true) for other hosts. */
export function alive(owner: Owner): boolean {
	if (owner.host !== hostname()) return true;
	try {
		process.kill(owner.pid, 0);
		return true;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === "EPERM";
	}
}

export function parseOwner(text: string): Owner | null {
	try {
		const value = JSON.parse(text) as Partial<Owner>;
		return typeof value.pid === "number" && typeof value.host === "string"
			? { pid: value.pid, host: value.host }
			: null;
	} catch {
		return null;
	}
}

const RETRY_MS = 20;
/** A publication takes well under a second; a lock that lives longer belongs to something stuck. */
const GIVE_UP_MS = 60_000;

/** Runs `work` while holding `directory/.lock`. A lock whose owner is dead is taken over. */
export async function withLock<T>(
	directory: string,
	signal: AbortSignal | undefined,
	work: () => Promise<T>,
): Promise<T> {
	const path = join(directory, ".lock");
	const start = Date.now();
	while (!take(path)) {
		if (signal?.aborted) throw new Interrupted();
		if (Date.now() - start > GIVE_UP_MS)
			throw new PowerkiError(
				exitCode.environment,
				`${directory}: another collection holds the dataset's lock`,
				[`held by: ${describe(path)}`, `if that process is gone, remove ${path} and try again`],
			);
		await setTimeout(RETRY_MS);
	}
	try {
		return await work();
	} finally {
		rmSync(path, { force: true });
	}
}

function take(path: string): boolean {
	try {
		const fd = openSync(path, "wx");
		writeSync(fd, JSON.stringify(self()));
		closeSync(fd);
		return true;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
	}
	let owner: Owner | null;
	try {
		owner = parseOwner(readFileSync(path, "utf8"));
		// being written this moment, or left empty by a process that was killed in between
		if (!owner && Date.now() - statSync(path).mtimeMs < 2000) return false;
	} catch {
		return false;
	}
	if (owner && alive(owner)) return false;
	try {
		// only one of several that see the dead owner gets to move the file away
		const aside = `${path}.${process.pid}`;
		renameSync(path, aside);
		rmSync(aside, { force: true });
	} catch {
		// another one was faster
	}
	return false;
}

function describe(path: string): string {
	try {
		const owner = parseOwner(readFileSync(path, "utf8"));
		return owner ? `process ${owner.pid} on ${owner.host}` : "an unknown process";
	} catch {
		return "an unknown process";
	}
}
