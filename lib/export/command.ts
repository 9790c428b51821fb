/** `powerki export`: stacks of a dataset for the tools of others. */
import { openDataset } from "../dataset/dataset.ts";
import { isNotRecorded } from "../dataset/needs.ts";
import { group } from "../figures/numbers.ts";
import { TextOutput, textFile } from "../render/output.ts";
import { topicViews } from "../render/topic-views.ts";
import { type ExitCode, exitCode, PowerkiError } from "../schema/errors.ts";
import { profileStream, type StackStream, type StreamOrder, waitStream } from "../stacks/stream.ts";
import { Folded } from "./folded.ts";
import { writeSpeedscope } from "./speedscope.ts";

export interface ExportCommand {
	/** One of exportTargets. */
	readonly to: string;
	/** Folder of the dataset; default as openDataset. */
	readonly dataset?: string;
	readonly trace?: string;
	readonly window?: string;
	readonly where?: string;
	/** Sampled event; default: what tells CPU time best. */
	readonly event?: string;
	/** Time asleep instead of CPU time. */
	readonly offCpu?: boolean;
	/** A file; default and "-": standard output. */
	readonly out?: string;
	readonly signal?: AbortSignal;
}

/** Standard streams, exchanged in tests. */
export interface Streams {
	readonly stdout: NodeJS.WritableStream;
	readonly stderr: NodeJS.WritableStream;
}

interface Target {
	readonly order: StreamOrder;
	/** @returns number of stacks or lines */
	readonly write: (stream: StackStream, title: string, output: TextOutput) => Promise<number>;
}

const targets: Readonly<Record<string, Target>> = {
	folded: {
		order: "sums",
		write: async ({ rows }, _title, output) => {
			const folded = new Folded();
			for await (const row of rows) folded.add(row);
			let lines = 0;
			for (const line of folded.lines()) {
				await output.write(line);
				lines++;
			}
			return lines;
		},
	},
	speedscope: {
		order: "time",
		write: (stream, title, output) => writeSpeedscope(stream, title, (text) => output.write(text)),
	},
};

export const exportTargets: readonly string[] = Object.keys(targets);

/**
 * Writes the CPU samples of a trace, or its waits, with their stacks.
 * @throws PowerkiError (usage: target, parameters, nothing to export; unreadable: dataset; environment: the output
 * cannot be written; interrupted)
 */
export async function runExport(command: ExportCommand, streams: Streams = process): Promise<ExitCode> {
	const { to, dataset, offCpu = false, event, out, ...parameters } = command;
	const target = Object.hasOwn(targets, to) ? targets[to]! : undefined;
	if (target === undefined)
		throw new PowerkiError(exitCode.usage, `there is no export to “${to}”`, [
			`targets: ${exportTargets.join(", ")}`,
			"tables as csv, json or parquet: powerki sql QUERY --out FILE",
		]);
	if (offCpu && event !== undefined)
		throw new PowerkiError(exitCode.usage, "waits are not sampled: give either --event or --off-cpu");
	const ds = await openDataset(dataset, { views: topicViews });
	try {
		const stream = offCpu
			? await waitStream(ds, target.order, parameters)
			: await profileStream(ds, target.order, { ...parameters, ...(event === undefined ? {} : { event }) });
		if (isNotRecorded(stream))
			throw new PowerkiError(exitCode.usage, `${stream.what}: not recorded`, [
				`the trace has no ${stream.events.join(", ")}`,
				`to get it: ${stream.remedy}`,
				...(offCpu ? [] : ["time asleep instead of CPU time: --off-cpu"]),
			]);
		const title = `${ds.manifest(command.trace).host ?? "unknown host"}, ${stream.what}`;
		const work = async (output: TextOutput) => {
			const written = await target.write(stream, title, output);
			if (written === 0)
				throw new PowerkiError(exitCode.usage, "there is nothing to export", [
					"no stack is in the window and fulfils the condition",
				]);
			await output.flush();
			return written;
		};
		const toFile = out !== undefined && out !== "-";
		const written = toFile ? await textFile(out, work) : await work(new TextOutput(streams.stdout));
		streams.stderr.write(
			`${group(written)} ${to === "folded" ? "lines" : "stacks"} of ${stream.what}, weights in ${stream.unit}${toFile ? `: ${out}` : ""}\n`,
		);
		return exitCode.done;
	} finally {
		ds.close();
	}
}
