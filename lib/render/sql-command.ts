/** `powerki sql`: a query, its rows on standard output or in a file. */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { type Dataset, openDataset } from "../dataset/dataset.ts";
import type { Cell, SqlColumn } from "../dataset/result.ts";
import { group } from "../figures/numbers.ts";
import { type ExitCode, exitCode, PowerkiError } from "../schema/errors.ts";
import { terminalOf } from "./ink.ts";
import { TextOutput, textFile, wholeFile } from "./output.ts";
import { csv, json, type RowFormat } from "./row-formats.ts";
import { boxTable, RowSample } from "./table.ts";
import { topicViews } from "./topic-views.ts";

export type SqlFormat = "table" | "csv" | "json" | "parquet";
export const sqlFormats: readonly SqlFormat[] = ["table", "csv", "json", "parquet"];

export interface SqlCommand {
	/** The text, or "-" for standard input. Either this or `file`. */
	readonly query?: string;
	/** A file that holds the text. */
	readonly file?: string;
	/** Folder of the dataset; default as openDataset. */
	readonly dataset?: string;
	/** Default: what the ending of `out` says, else table. */
	readonly format?: SqlFormat;
	/** A file instead of standard output; needed for parquet. */
	readonly out?: string;
	readonly signal?: AbortSignal;
}

/** Standard streams, exchanged in tests. */
export interface Streams {
	readonly stdin: NodeJS.ReadableStream;
	readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
	readonly stderr: NodeJS.WritableStream;
}

/**
 * Runs a query. Rows of csv and json pass through one by one: memory does not depend on their number. A file of
 * `out` is there whole or not at all.
 * @throws PowerkiError (usage: options, wrong SQL; unreadable: file, dataset; environment: the output cannot be
 * written; engine; interrupted)
 */
export async function runSql(command: SqlCommand, streams: Streams = process): Promise<ExitCode> {
	const format = formatOf(command);
	const query = await queryText(command, streams.stdin);
	const started = performance.now();
	const dataset = await openDataset(command.dataset, {
		views: topicViews,
		...(format === "parquet" ? { outDirs: [dirname(resolve(command.out!))] } : {}),
	});
	try {
		const run: Run = { dataset, query, signal: command.signal };
		const rows = await write(run, format, command.out, streams);
		const seconds = ((performance.now() - started) / 1000).toFixed(2);
		const hint = format === "table" ? " (numbers grouped for reading; csv and json print plain digits)" : "";
		streams.stderr.write(`${group(rows)} row${rows === 1 ? "" : "s"} in ${seconds} s${hint}\n`);
		return exitCode.done;
	} finally {
		dataset.close();
	}
}

const endings: readonly (readonly [RegExp, SqlFormat])[] = [
	[/\.csv$/i, "csv"],
	[/\.json$/i, "json"],
	[/\.parquet$/i, "parquet"],
];

function formatOf({ format, out }: SqlCommand): SqlFormat {
	if (format !== undefined && !sqlFormats.includes(format))
		throw new PowerkiError(exitCode.usage, `there is no format "${format}"`, [
			`formats: ${sqlFormats.join(", ")}`,
		]);
	const chosen = format ?? endings.find(([ending]) => out !== undefined && ending.test(out))?.[1] ?? "table";
	if (chosen === "parquet" && out === undefined)
		throw new PowerkiError(exitCode.usage, "parquet is written to a file: name it with --out FILE");
	return chosen;
}

async function queryText({ query, file }: SqlCommand, stdin: NodeJS.ReadableStream): Promise<string> {
	if ((query === undefined) === (file === undefined))
		throw new PowerkiError(exitCode.usage, "give either a query or a file of one", [
			'powerki sql "SELECT count(*) FROM sched_switch" --dataset D',
			"powerki sql -f query.sql --dataset D; - reads standard input",
		]);
	if (query === "-" || file === "-") return readAll(stdin as NodeJS.ReadStream);
	if (query !== undefined) return query;
	try {
		return await readFile(file!, "utf8");
	} catch (cause) {
		throw new PowerkiError(
			exitCode.unreadable,
			`${file} cannot be read: ${(cause as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : (cause as Error).message}`,
			[],
			{ cause },
		);
	}
}

interface Run {
	readonly dataset: Dataset;
	readonly query: string;
	readonly signal: AbortSignal | undefined;
}

/** @returns number of rows */
function write(run: Run, format: SqlFormat, out: string | undefined, { stdout }: Streams): Promise<number> {
	if (format === "parquet")
		return wholeFile(out!, (part) => run.dataset.writeParquet(run.query, part, [], run.signal));
	const terminal = terminalOf(out === undefined ? stdout : {});
	const work = async (output: TextOutput): Promise<number> => {
		const rows =
			format === "table"
				? await writeTable(run, output, terminal)
				: await writeRows(run, output, format === "csv" ? csv(terminal.isTerminal) : json());
		await output.flush();
		return rows;
	};
	return out === undefined ? work(new TextOutput(stdout)) : textFile(out, work);
}

async function writeTable(
	{ dataset, query, signal }: Run,
	output: TextOutput,
	options: Parameters<typeof boxTable>[2],
): Promise<number> {
	const sample = new RowSample();
	let columns: readonly SqlColumn[] = [];
	for await (const piece of dataset.batches(query, [], signal)) {
		columns = piece.columns;
		sample.add(piece);
	}
	await output.write(boxTable(columns, sample, options));
	return sample.count;
}

async function writeRows(
	{ dataset, query, signal }: Run,
	output: TextOutput,
	format: RowFormat,
): Promise<number> {
	let rows = 0;
	let begun = false;
	for await (const piece of dataset.batches(query, [], signal)) {
		// Nothing is written before the query has run without an error to its first rows.
		if (!begun) await output.write(format.head(piece.columns));
		begun = true;
		const data = piece.columns.map((c) => piece.column(c.name));
		for (let r = 0; r < piece.rowCount; r++) {
			const wait = output.write(
				format.row(
					piece.columns,
					data.map((values) => values[r] as Cell),
					rows++,
				),
			);
			if (wait !== undefined) await wait;
		}
	}
	await output.write(format.tail(rows));
	return rows;
}
