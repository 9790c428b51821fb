#!/usr/bin/env node
/**
 * The command line: a table of commands, each loaded from its room when it is called. Options are parsed here; their
 * meaning lives in the rooms. Signals become an AbortSignal, errors an exit code and a message.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { exitCode, PowerkiError } from "./lib/schema/errors.ts";
import { versions } from "./lib/schema/versions.ts";

interface Call {
	readonly positional: readonly (string | string[])[];
	readonly options: Readonly<Record<string, unknown>>;
	readonly signal: AbortSignal;
}

interface CommandSpec {
	/** One word, or two for a command of a group: "notebook run". */
	readonly name: string;
	readonly group?: string;
	readonly args?: string;
	readonly summary: string;
	readonly example: string;
	/** Made anew for each use: commander's options hold state. */
	readonly options: readonly (() => Option)[];
	/** Returns the exit code. */
	readonly run: (call: Call) => Promise<number>;
}

const collectAll = (value: string, before: string[] = []): string[] => [...before, value];

/** "A..B", seconds from the start of the trace; either end may be left out. */
function parseWindow(text: string): { from: number; to: number } {
	const m = /^(\d+(?:\.\d+)?)?\.\.(\d+(?:\.\d+)?)?$/.exec(text);
	if (!m) throw new InvalidArgumentError("write A..B in seconds from the start of the trace, such as 0.5..2");
	const window = {
		from: m[1] === undefined ? 0 : Number(m[1]),
		to: m[2] === undefined ? Number.POSITIVE_INFINITY : Number(m[2]),
	};
	if (window.from >= window.to) throw new InvalidArgumentError("the end must be after the start");
	return window;
}

function parseWall(text: string): Date {
	const date = new Date(text);
	if (Number.isNaN(date.getTime()))
		throw new InvalidArgumentError("write a time such as 2026-11-26T10:00:00Z");
	return date;
}

/** "500M", "2G" (powers of 1024), or bytes. */
function parseSize(text: string): number {
	const m = /^(\d{1,12}(?:\.\d{1,6})?)([KMGT]?)(?:i?B)?$/i.exec(text);
	const bytes = m ? Math.floor(Number(m[1]) * 1024 ** " KMGT".indexOf(m[2]!.toUpperCase() || " ")) : 0;
	if (bytes < 1 || !Number.isSafeInteger(bytes))
		throw new InvalidArgumentError("write a size such as 2G, 500M or a number of bytes");
	return bytes;
}

function parsePort(text: string): number {
	const port = Number(text);
	if (!Number.isInteger(port) || port < 1 || port > 65535)
		throw new InvalidArgumentError("write a number from 1 to 65535");
	return port;
}

const maxExpand = (): Option =>
	new Option("--max-expand <size>", "how much an archive may unpack to, such as 2G").argParser(parseSize);

const json = (): Option => new Option("--json", "machine-readable output");

const dataset = (): Option =>
	new Option("--dataset <dataset>", "dataset, or a trace, which is collected once into the cache");
const traceName = (): Option => new Option("--trace <name>", "which trace of the dataset: id or host");
const parameter = (): Option =>
	new Option("-p, --parameters <name=value>", "a parameter of the notebook; repeatable").argParser(
		collectAll,
	);

const kernelPlace = [
	() => new Option("--user", "for the user (default)"),
	() => new Option("--prefix <dir>", "below DIR/share/jupyter"),
	() => new Option("--sys-prefix", "into the active Python environment"),
];

const commands: readonly CommandSpec[] = [
	{
		name: "collect",
		args: "<trace...>",
		summary: "turn traces into a dataset of Parquet files (- reads standard input)",
		example: "powerki collect trace.dat --out slow-server",
		options: [
			() =>
				new Option("--out <dataset>", "folder of the dataset; made if it is not there").makeOptionMandatory(),
			() =>
				new Option(
					"--side <path>",
					"side file or folder (kallsyms, ps, topology, ...); repeatable",
				).argParser(collectAll),
			() =>
				new Option(
					"--symbols <dir>",
					"programs and libraries of the traced machine, for names of user functions; repeatable",
				).argParser(collectAll),
			() => new Option("--host <name>", "host name, where the trace does not know it"),
			() =>
				new Option("--wall <time>", "wall time of the trace's start, where it does not know it").argParser(
					parseWall,
				),
			() => new Option("--window <A..B>", "only this part, seconds from the start").argParser(parseWindow),
			() =>
				new Option("--events <list>", "tables of these events only, comma-separated").argParser((v) =>
					v.split(",").filter((e) => e !== ""),
				),
			() => new Option("--no-derived", "event tables only"),
			() => new Option("--strict", "keep nothing of a damaged trace"),
			maxExpand,
			json,
		],
		run: async ({ positional, options, signal }) =>
			(await import("./collector/command.ts")).collect(positional[0] as string[], options as never, signal),
	},
	{
		name: "symbolize",
		summary: "name the frames of a dataset again, by programs or kernel symbols found after it was collected",
		example: "powerki symbolize --dataset slow-server --symbols sysroot",
		options: [
			dataset,
			() => new Option("--trace <name>", "only this trace of the dataset: id or host"),
			() =>
				new Option(
					"--symbols <dir>",
					"programs and libraries of the traced machine, or their debug files; repeatable",
				).argParser(collectAll),
			() =>
				new Option(
					"--side <path>",
					"kallsyms of the traced machine, or a folder with it; repeatable",
				).argParser(collectAll),
			json,
		],
		run: async ({ options, signal }) => {
			const folder = await (await import("./kernel/run/dataset.ts")).resolveDataset(
				options.dataset as string | undefined,
				signal,
			);
			return (await import("./collector/symbolize.ts")).symbolize({ ...options, dataset: folder, signal });
		},
	},
	{
		name: "info",
		args: "<path>",
		summary: "what a trace or dataset holds",
		example: "powerki info trace.dat",
		options: [maxExpand, json],
		run: async ({ positional, options, signal }) => {
			const { inspect } = await import("./collector/info.ts");
			const { printInfo } = await import("./lib/render/info.ts");
			const infos = await inspect(positional[0] as string, { ...options, signal });
			process.stdout.write(printInfo(infos, options.json === true));
			return exitCode.done;
		},
	},
	{
		name: "sql",
		args: "[query]",
		summary: "ask a dataset in SQL (- reads the query from standard input)",
		example: `powerki sql "SELECT name, count(*) FROM syscall GROUP BY name" --dataset slow-server`,
		options: [
			dataset,
			() => new Option("-f, --file <file>", "read the query from a file"),
			() =>
				new Option("--format <format>", "default: by the ending of --out, else table").choices([
					"table",
					"csv",
					"json",
					"parquet",
				]),
			() => new Option("--out <file>", "write to a file"),
		],
		run: async ({ positional, options, signal }) => {
			const folder = await (await import("./kernel/run/dataset.ts")).resolveDataset(
				options.dataset as string | undefined,
				signal,
			);
			return (await import("./lib/render/sql-command.ts")).runSql({
				...options,
				query: positional[0] as string | undefined,
				dataset: folder,
				signal,
			});
		},
	},
	{
		name: "report",
		args: "<name>",
		summary: "print a report: cpu-usage, run-queue, waits, cpu-profile, futex, disk, or all",
		example: `powerki report waits --dataset slow-server --where "process = 238"`,
		options: [
			dataset,
			traceName,
			() => new Option("--window <A..B>", "only this part, seconds from the start of the trace"),
			() => new Option("--where <condition>", "only these: thread, process, name, cpu, device; AND OR NOT"),
			() => new Option("--top <n>", "rows of a table").argParser(Number),
			() => new Option("--event <name>", "sampled event, such as cycles (cpu-profile)"),
			() => new Option("--format <format>", "default: text").choices(["text", "json", "csv", "html"]),
		],
		run: async ({ positional, options, signal }) => {
			const folder = await (await import("./kernel/run/dataset.ts")).resolveDataset(
				options.dataset as string | undefined,
				signal,
			);
			return (await import("./lib/render/report-command.ts")).runReportCommand({
				...options,
				name: positional[0] as string,
				dataset: folder,
			});
		},
	},
	{
		name: "export",
		summary: "CPU samples, or waits, with their stacks, for other tools",
		example: "powerki export --to speedscope --dataset slow-server --out profile.speedscope.json",
		options: [
			() => new Option("--to <target>", "folded or speedscope").makeOptionMandatory(),
			dataset,
			traceName,
			() => new Option("--window <A..B>", "only this part, seconds from the start of the trace"),
			() => new Option("--where <condition>", "only these: thread, process, name, cpu; AND OR NOT"),
			() => new Option("--event <name>", "sampled event; default: cpu-clock, task-clock, cycles"),
			() => new Option("--off-cpu", "time asleep instead of CPU time"),
			() => new Option("--out <file>", "write to a file; - or nothing: standard output"),
		],
		run: async ({ options, signal }) => {
			const folder = await (await import("./kernel/run/dataset.ts")).resolveDataset(
				options.dataset as string | undefined,
				signal,
			);
			return (await import("./lib/export/command.ts")).runExport({
				...(options as { to: string }),
				dataset: folder,
				signal,
			});
		},
	},
	{
		name: "start",
		args: "[path...]",
		summary: "open the notebooks in the browser: traces, or a dataset; none: a trace that powerki brings",
		example: "powerki start trace.dat",
		options: [
			() =>
				new Option("--port <number>", "of the server; the next free one where it is taken")
					.default(undefined, "8888")
					.argParser(parsePort),
			() => new Option("--no-browser", "open no browser"),
		],
		run: async ({ positional, options, signal }) =>
			(await import("./kernel/lab/start.ts")).start(positional[0] as string[], { ...options, signal }),
	},
	{
		name: "notebook run",
		group: "notebooks without Jupyter",
		args: "<file>",
		summary: "run a notebook from a clean start",
		example: "powerki notebook run run-queue.ipynb --dataset slow-server -p top=20 --out done.ipynb",
		options: [
			dataset,
			traceName,
			parameter,
			() => new Option("--out <file>", "write the notebook with its outputs"),
		],
		run: async ({ positional, options, signal }) =>
			(await import("./kernel/run/notebook-run.ts")).notebookRun({
				...options,
				file: positional[0] as string,
				signal,
			}),
	},
	{
		name: "publish",
		args: "<notebook|report>",
		summary: "one HTML file that opens anywhere, without network, and says what it was made from",
		example: "powerki publish waits.ipynb --dataset slow-server --out waits.html",
		options: [
			() => new Option("--out <file>", "the page").makeOptionMandatory(),
			dataset,
			traceName,
			parameter,
			() => new Option("--hide-code", "leave the code of the cells out"),
		],
		run: async ({ positional, options, signal }) =>
			(await import("./kernel/run/publish.ts")).publish({
				...(options as { out: string }),
				what: positional[0] as string,
				signal,
			}),
	},
	{
		name: "kernel install",
		group: "the kernel for other frontends: JupyterLab of your own, VS Code",
		summary: "make the kernel known to Jupyter",
		example: "powerki kernel install --user",
		options: kernelPlace,
		run: async ({ options }) => (await import("./kernel/lab/kernel-command.ts")).install(options),
	},
	{
		name: "kernel uninstall",
		summary: "take the kernel out of Jupyter",
		example: "powerki kernel uninstall --user",
		options: kernelPlace,
		run: async ({ options }) => (await import("./kernel/lab/kernel-command.ts")).uninstall(options),
	},
	{
		name: "kernel doctor",
		summary: "check everything that a notebook needs",
		example: "powerki kernel doctor",
		options: [],
		run: async ({ signal }) => (await import("./kernel/lab/doctor.ts")).doctor(signal),
	},
];

function print(lines: readonly string[]): void {
	process.stderr.write(`${lines.join("\n")}\n`);
}

/** What is told of an error, and the exit code. */
function fail(error: unknown, debug: boolean): number {
	if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.done : exitCode.usage;
	if (error instanceof PowerkiError) {
		const first = error.code === exitCode.interrupted ? error.message : `error: ${error.message}`;
		print([first, ...error.details.map((d) => `  ${d}`)]);
		if (debug && error.cause) console.error(error.cause);
		return error.code;
	}
	print([
		`error: internal: ${error instanceof Error ? error.message : String(error)}`,
		"  this is a bug in powerki, your trace is not to blame",
		`  please report it with: powerki ${versions().powerki}, node ${process.versions.node}, and the output of --debug`,
	]);
	if (debug) console.error(error);
	return exitCode.bug;
}

const abort = new AbortController();
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
	process.on(name, () => {
		// the second one does not wait
		if (abort.signal.aborted) process.exit(exitCode.interrupted);
		abort.abort();
	});
// A reader that closes the pipe (head, less) has seen enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) =>
	process.exit(error.code === "EPIPE" ? exitCode.done : exitCode.environment),
);

const program = new Command("powerki")
	.description("kernel traces of OpenPOWER servers: collect, query, report, notebook")
	.version(versions().powerki!)
	.enablePositionalOptions()
	.showSuggestionAfterError()
	.exitOverride()
	.configureHelp({ showGlobalOptions: false })
	.configureOutput({
		outputError: (text, write) => write(text.replace(/\n\(Did you mean (.*)\?\)/, "\n  did you mean: $1")),
	});

let code: number = exitCode.done;
for (const c of commands) {
	const path = c.name.split(" ");
	let parent = program;
	for (const word of path.slice(0, -1))
		parent =
			parent.commands.find((p) => p.name() === word) ??
			parent
				.command(word)
				.description(c.group ?? "")
				.exitOverride();
	const command = parent
		.command(`${path.at(-1)}${c.args ? ` ${c.args}` : ""}`)
		.description(c.summary)
		.exitOverride()
		.addOption(new Option("--debug", "show stack traces of powerki").hideHelp());
	for (const o of c.options) command.addOption(o());
	command.addHelpText("after", `\nExample:\n  ${c.example}\n`);
	command.action(async (...args: unknown[]) => {
		const positional = args.slice(0, -2) as (string | string[])[];
		const options = args.at(-2) as Record<string, unknown>;
		code = await c.run({ positional, options, signal: abort.signal });
	});
}
program.addHelpText(
	"after",
	`
Exit codes: 0 done, 1 bug, 2 wrong usage, 3 unreadable input, 4 damaged input (what was good is kept),
5 environment, 6 a cell or report failed, 7 engine, 8 finding at or above --fail-on, 130 interrupted`,
);

async function main(): Promise<number> {
	try {
		if (process.argv.length <= 2) {
			program.outputHelp();
			return exitCode.usage;
		}
		await program.parseAsync();
		return code;
	} catch (error) {
		return fail(error, process.argv.includes("--debug"));
	}
}

process.exitCode = await main();
