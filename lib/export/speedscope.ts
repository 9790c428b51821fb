/**
 * A file for https://www.speedscope.app: one "sampled" profile per thread, its stacks in order of time.
 * Format: https://www.speedscope.app/file-format-schema.json (speedscope 1.x).
 */
import { threadLabel } from "../dataset/thread-ref.ts";
import { printable } from "../figures/text.ts";
import { versions } from "../schema/versions.ts";
import { NO_STACK, type StackFrame } from "../stacks/frames.ts";
import type { StackStream, WeightedFrames } from "../stacks/stream.ts";

interface SharedFrame {
	readonly name: string;
	readonly file?: string;
	line?: number;
}

/** Frames by name and file: a function is one frame, whatever its lines. */
class SharedFrames {
	readonly all: SharedFrame[] = [];
	private readonly numbers = new Map<string, number>();
	private readonly known = new Map<StackFrame, number>();

	number(frame: StackFrame): number {
		const known = this.known.get(frame);
		if (known !== undefined) return known;
		// Where the source file is unknown, the program or library tells functions of one name apart.
		const number = this.add(frame.name, frame.file ?? frame.module);
		const { line } = frame;
		const shared = this.all[number]!;
		// The first line that was seen in it: where the function begins is not recorded.
		if (frame.file !== null && line !== null && line > 0) shared.line = Math.min(line, shared.line ?? line);
		this.known.set(frame, number);
		return number;
	}

	add(name: string, file: string | null): number {
		const key = `${name}\0${file ?? ""}`;
		const known = this.numbers.get(key);
		if (known !== undefined) return known;
		const number = this.all.length;
		this.all.push({ name: printable(name), ...(file === null ? {} : { file: printable(file) }) });
		this.numbers.set(key, number);
		return number;
	}
}

/**
 * Writes the stacks, which come by thread.
 * @param title of the file
 * @param write takes pieces of text; what it returns is waited for
 * @returns number of stacks written
 */
export async function writeSpeedscope(
	{ rows, unit }: Pick<StackStream, "rows" | "unit">,
	title: string,
	write: (text: string) => Promise<unknown> | undefined,
): Promise<number> {
	const frames = new SharedFrames();
	const heaviest = { profile: 0, weight: -1 };
	let written = 0;
	let profiles = 0;
	let thread: WeightedFrames["thread"] | undefined;
	let weights: number[] = [];
	const endThread = (): string => {
		const total = weights.reduce((sum, w) => sum + w, 0);
		if (total > heaviest.weight) Object.assign(heaviest, { profile: profiles - 1, weight: total });
		const text = `],"weights":${JSON.stringify(weights)},"startValue":0,"endValue":${total}}`;
		weights = [];
		return text;
	};
	for await (const row of rows) {
		if (thread === undefined || thread.utid !== row.thread.utid) {
			const head = JSON.stringify({
				type: "sampled",
				name: printable(profileName(row.thread)),
				unit: unit === "ns" ? "nanoseconds" : "none",
			});
			// Nothing is written where there is nothing.
			await write(thread === undefined ? fileHead(title) : `${endThread()},`);
			await write(`\n${head.slice(0, -1)},"samples":[`);
			thread = row.thread;
			profiles++;
		} else await write(",");
		const path =
			row.frames.length === 0 ? [frames.add(NO_STACK, null)] : row.frames.map((f) => frames.number(f));
		await write(`[${path.join(",")}]`);
		weights.push(row.weight);
		written++;
	}
	if (thread === undefined) return 0;
	await write(`${endThread()}],\n"activeProfileIndex":${heaviest.profile},"shared":{"frames":[`);
	for (const [i, frame] of frames.all.entries())
		await write(`${i === 0 ? "" : ","}\n${JSON.stringify(frame)}`);
	await write("]}}\n");
	return written;
}

function fileHead(title: string): string {
	const head = JSON.stringify({
		$schema: "https://www.speedscope.app/file-format-schema.json",
		exporter: `powerki@${versions().powerki}`,
		name: printable(title),
	});
	return `${head.slice(0, -1)},"profiles":[`;
}

function profileName(thread: WeightedFrames["thread"]): string {
	const process = thread.tgid === null ? thread.process : `${thread.process ?? "process"} (${thread.tgid})`;
	const label = thread.utid === null ? "unknown thread" : threadLabel(thread);
	return process === null || process === label ? label : `${process}: ${label}`;
}
