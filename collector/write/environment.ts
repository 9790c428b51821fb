/** What the machine does not give while a dataset is written, as errors that a user can act on. */
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";

/** What the user is told besides what happened. */
export interface Advice {
	/** What became of the dataset. */
	readonly kept: string;
	/** Where the work could go instead. */
	readonly instead: string;
}

const collecting: Advice = {
	kept: "the dataset is as it was before; the unfinished part was removed",
	instead: "choose another place: --out DIR",
};

export async function environment<T>(
	dataset: string,
	work: () => Promise<T>,
	advice: Advice = collecting,
): Promise<T> {
	try {
		return await work();
	} catch (error) {
		throw asEnvironment(error, dataset, advice);
	}
}

/** Full disks and missing permissions, from Node or from DuckDB; other errors come back as they are. */
export function asEnvironment(
	error: unknown,
	dataset: string,
	{ kept, instead }: Advice = collecting,
): unknown {
	if (error instanceof PowerkiError) return error;
	const text = String((error as Error)?.message ?? error);
	const code = (error as NodeJS.ErrnoException)?.code;
	const failed = (what: string, ...details: string[]): PowerkiError =>
		new PowerkiError(exitCode.environment, what, details, { cause: error });
	if (code === "ENOSPC" || /No space left on device|disk is full/i.test(text))
		return failed(`no space left for ${dataset}`, kept, `free space or ${instead}`);
	if (
		code === "EACCES" ||
		code === "EPERM" ||
		code === "EROFS" ||
		// Node says this of mkdir -p on a read-only file system
		(code === "ENOENT" && (error as NodeJS.ErrnoException).syscall === "mkdir") ||
		/Permission denied|Read-only file system/i.test(text)
	)
		return failed(`${dataset}: no permission to write there`, kept, instead);
	if (code === "ENOTDIR" || code === "EEXIST") return failed(`${dataset}: is not a folder`, instead);
	return error;
}
