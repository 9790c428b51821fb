/** `powerki publish`: a notebook, or a report, as one HTML file that needs nothing else. */
import { existsSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { Dataset } from "../../lib/dataset/dataset.ts";
import type { QueryParameters } from "../../lib/dataset/scope.ts";
import { openDataset } from "../../lib/index.ts";
import { type PageCell, renderPage } from "../../lib/render/html.ts";
import { type DefinitionName, definitions } from "../../lib/reports/definitions.ts";
import type { Statement } from "../../lib/reports/document.ts";
import { parameterNames, shellWord } from "../../lib/reports/parameters.ts";
import { reportNamed, reports } from "../../lib/reports/registry.ts";
import { statementOf } from "../../lib/reports/statement.ts";
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";
import { cacheFolder, resolveDataset } from "./dataset.ts";
import { hasTag, type Notebook, type NotebookCell } from "./notebook.ts";
import { type RunOptions, runNotebook } from "./notebook-run.ts";
import { parseAssignments } from "./parameters.ts";
import { checkTarget, writeWhole } from "./write-whole.ts";

export interface PublishOptions extends Omit<RunOptions, "file"> {
	/** Path of a notebook, or name of a report. */
	readonly what: string;
	readonly out: string;
	/** Leaves the code of the cells out. */
	readonly hideCode?: boolean;
}

/**
 * Runs from a clean start and writes the page: no request to any network, the same bytes for the same input.
 * @returns the exit code
 * @throws PowerkiError: usage, unreadable, cellFailed (no file is written), environment
 */
export async function publish(options: PublishOptions): Promise<number> {
	checkTarget(options.out);
	const page =
		options.what.endsWith(".ipynb") || existsSync(options.what)
			? await notebookPage(options)
			: await reportPage(options);
	await writeWhole(options.out, page);
	process.stderr.write(
		`done     ${options.out}: ${(Buffer.byteLength(page) / 1e6).toFixed(1)}\u202fMB, one file, opens without network\n`,
	);
	return exitCode.done;
}

async function notebookPage(options: PublishOptions): Promise<string> {
	const { notebook, dataset, parameters } = await runNotebook({ ...options, file: options.what });
	const ds = await openDataset(dataset);
	try {
		const { trace, window, ...rest } = parameters;
		const made = await statementOf(ds, {
			...(trace === undefined ? {} : { traces: [ds.manifest(trace)] }),
			parameters: {
				...(trace === undefined ? {} : { trace }),
				...(window === undefined ? {} : { window }),
			},
			more: rest,
			definitions: definitionsOf(notebook),
			command: "",
		});
		return await renderPage({
			title: titleOf(notebook) ?? basename(options.what, ".ipynb"),
			cells: notebook.cells.flatMap(pageCell),
			statement: { ...made, command: commandOf(ds, basename(options.what), made, options) },
			hideCode: options.hideCode === true,
		});
	} finally {
		ds.close();
	}
}

async function reportPage(options: PublishOptions): Promise<string> {
	const module = reportNamed(options.what);
	const given = parseAssignments(options.parameters ?? []);
	const unknown = Object.keys(given).find((name) => !module.parameters.includes(name));
	if (unknown !== undefined)
		throw new PowerkiError(exitCode.usage, `the report ${module.name} has no parameter "${unknown}"`, [
			...module.parameters.map((name) => `${name.padEnd(7)} ${parameterNames[name]}`),
		]);
	const { top, ...texts } = given;
	const parameters: QueryParameters = {
		...texts,
		...(options.trace === undefined ? {} : { trace: options.trace }),
		...(top === undefined ? {} : { top: Number(top) }),
		...(options.signal === undefined ? {} : { signal: options.signal }),
	};
	const ds = await openDataset(await resolveDataset(options.dataset, options.signal));
	try {
		const report = await module.build(ds, parameters);
		const statement = {
			...report.statement,
			command: commandOf(ds, module.name, report.statement, options),
		};
		return await renderPage({ title: report.title, report: { ...report, statement } });
	} finally {
		ds.close();
	}
}

/** Raw cells are for other converters. */
function pageCell(cell: NotebookCell): PageCell[] {
	switch (cell.cell_type) {
		case "raw":
			return [];
		case "markdown":
			return [
				{
					type: "markdown",
					source: cell.source,
					...(cell.attachments === undefined
						? {}
						: { attachments: cell.attachments as Record<string, Record<string, string>> }),
				},
			];
		case "code":
			return [
				{
					type: "code",
					source: cell.source,
					outputs: cell.outputs,
					// Jupyter Book's and nbconvert's word for it.
					hideCode: hasTag(cell, "remove-input") || hasTag(cell, "hide-input"),
				},
			];
	}
}

/** The first heading of the notebook. */
function titleOf(notebook: Notebook): string | undefined {
	for (const cell of notebook.cells) {
		const heading = cell.cell_type === "markdown" ? /^#\s+(.+)$/m.exec(cell.source) : null;
		if (heading !== null) return heading[1]!.trim();
	}
	return undefined;
}

/** Those of the reports that the cells name; where they name none, all: any of them may stand behind a number. */
function definitionsOf(notebook: Notebook): DefinitionName[] {
	const code = notebook.cells.filter((cell) => cell.cell_type === "code").map((cell) => cell.source);
	const named = reports.filter((r) => code.some((source) => source.includes(`"${r.name}"`)));
	const all = Object.keys(definitions) as DefinitionName[];
	if (named.length === 0) return all;
	const used = new Set<DefinitionName>(["observed window", ...named.flatMap((r) => r.definitions)]);
	return all.filter((name) => used.has(name));
}

/** The command that makes the page again. A dataset in the cache is named by what it was collected from. */
function commandOf(ds: Dataset, what: string, statement: Statement, options: PublishOptions): string {
	const cached = dirname(dirname(ds.root)) === cacheFolder();
	const source = cached ? ds.traces()[0]?.sources[0]?.name : basename(ds.root);
	const words = Object.entries(statement.parameters).map(([name, value]) =>
		name === "trace" ? `--trace ${value}` : `-p ${shellWord(`${name}=${value}`)}`,
	);
	return [
		`powerki publish ${shellWord(what)}`,
		`--dataset ${shellWord(source ?? basename(ds.root))}`,
		...words,
		...(options.hideCode ? ["--hide-code"] : []),
		`--out ${shellWord(`${basename(what, ".ipynb")}.html`)}`,
	].join(" ");
}
