/** `powerki notebook run`. */
import { basename, dirname, resolve } from "node:path";
import { findDataset, readManifests } from "../../lib/dataset/manifests.ts";
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";
import { resolveDataset } from "./dataset.ts";
import { executeNotebook } from "./execute.ts";
import { formatNotebook, type Notebook, readNotebook } from "./notebook.ts";
import { parameterNames, parseAssignments, withParameters } from "./parameters.ts";
import { RunProgress } from "./progress.ts";
import { checkTarget, writeWhole } from "./write-whole.ts";

export interface RunOptions {
	readonly file: string;
	/** Dataset or trace; default as everywhere. */
	readonly dataset?: string;
	/** Id or host; goes to the notebook's parameter `trace`. */
	readonly trace?: string;
	/** "name=value" each. */
	readonly parameters?: readonly string[];
	readonly signal?: AbortSignal;
}

export interface Ran {
	readonly notebook: Notebook;
	/** Absolute folder of the dataset. */
	readonly dataset: string;
	readonly parameters: Readonly<Record<string, string>>;
}

/**
 * Runs a notebook from a clean start on a dataset, without Jupyter.
 * @throws PowerkiError: unreadable, usage, cellFailed
 */
export async function runNotebook(options: RunOptions): Promise<Ran> {
	const read = readNotebook(options.file);
	const parameters = parseAssignments(options.parameters ?? []);
	const dataset = await resolveDataset(options.dataset, options.signal);
	checkPlace(options.file, dataset);
	if (options.trace !== undefined) parameters.trace = traceId(dataset, options.trace, read, options.file);
	const notebook = withParameters(read, parameters, basename(options.file));
	const progress = new RunProgress(process.stderr, basename(options.file));
	try {
		const ran = await executeNotebook(notebook, {
			file: options.file,
			dataset,
			onCell: (number, of) => progress.show(number, of),
			...(options.signal === undefined ? {} : { signal: options.signal }),
		});
		return { notebook: ran, dataset, parameters };
	} finally {
		progress.clear();
	}
}

/**
 * The command: runs the notebook and writes it, with outputs, to `out` (default: nowhere, the run is a test).
 * @returns the exit code
 */
export async function notebookRun(options: RunOptions & { readonly out?: string }): Promise<number> {
	if (options.out !== undefined) checkTarget(options.out);
	const { notebook } = await runNotebook(options);
	const cells = notebook.cells.filter((c) => c.cell_type === "code" && c.execution_count !== null).length;
	if (options.out !== undefined) await writeWhole(options.out, formatNotebook(notebook));
	process.stderr.write(
		`done     ${basename(options.file)}: ${cells} cells ran${options.out === undefined ? "" : `, written to ${options.out}`}\n`,
	);
	return exitCode.done;
}

/** Cells look for the dataset around the notebook first: one that lies in another dataset would read that one. */
function checkPlace(file: string, dataset: string): void {
	let around: string;
	try {
		around = findDataset(undefined, dirname(resolve(file)), {});
	} catch {
		return;
	}
	if (around !== dataset)
		throw new PowerkiError(exitCode.usage, `${basename(file)} lies inside another dataset`, [
			`its cells would read ${around}, not ${dataset}`,
			"move the notebook out of that folder",
		]);
}

function traceId(dataset: string, name: string, notebook: Notebook, file: string): string {
	const all = readManifests(dataset);
	const found = all.filter((m) => m.trace === name || m.host === name);
	const chosen = found.length > 0 ? found : all.filter((m) => m.trace.startsWith(name));
	if (chosen.length !== 1)
		throw new PowerkiError(
			exitCode.usage,
			chosen.length === 0 ? `the dataset has no trace "${name}"` : `"${name}" names ${chosen.length} traces`,
			all.map((m) => `${m.trace}  ${m.host ?? "unknown host"}  ${m.sources[0]?.name ?? ""}`),
		);
	if (!parameterNames(notebook).includes("trace"))
		throw new PowerkiError(exitCode.usage, `${basename(file)} has no parameter "trace", which --trace sets`, [
			"declare it in the cell tagged parameters: let trace: string | undefined;",
		]);
	return chosen[0]!.trace;
}
