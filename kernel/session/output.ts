import { AsyncLocalStorage } from "node:async_hooks";
import { StringDecoder } from "node:string_decoder";
import { joinTime, maxStreamLength } from "./limits.ts";
import type { Output } from "./messages.ts";

/** The running of one cell, as its own later callbacks see it too. */
export interface CellRun {
	readonly id: number;
	readonly count: number;
	readonly silent: boolean;
	/** Set when the user interrupted it: its timers do nothing from then on. */
	stopped: boolean;
	/** Characters that it has printed. */
	printed: number;
}

type StreamName = "stdout" | "stderr";

/**
 * Outputs of cells on their way out: in the order in which they were made, each with the cell that made it, even
 * from a timer that fires while another cell runs. Text written in quick succession travels as one message.
 */
export class Outputs {
	readonly cell = new AsyncLocalStorage<CellRun>();
	private pending: { run: CellRun | undefined; name: StreamName; text: string } | undefined;
	private since = 0;
	private timer: NodeJS.Timeout | undefined;

	constructor(
		private readonly emit: (id: number | undefined, output: Output) => void,
		private readonly setTimer: typeof setTimeout = setTimeout,
	) {}

	send(output: Output): void {
		this.flush();
		const run = this.cell.getStore();
		if (run?.silent) return;
		this.emit(run?.id, output);
	}

	write(name: StreamName, written: string): void {
		const run = this.cell.getStore();
		if (run?.silent) return;
		const text = run === undefined ? written : limited(run, written);
		if (text === "") return;
		const pending = this.pending;
		if (pending !== undefined && pending.run === run && pending.name === name) {
			pending.text += text;
			// A cell that never waits lets no timer fire.
			if (pending.text.length > 65536 || performance.now() - this.since > joinTime) this.flush();
			return;
		}
		this.flush();
		this.pending = { run, name, text };
		this.since = performance.now();
		// Outside of the cell: interrupting a cell must not stop what it already printed.
		this.cell.exit(() => {
			this.timer = this.setTimer(() => this.flush(), joinTime);
		});
	}

	flush(): void {
		const pending = this.pending;
		if (pending === undefined) return;
		clearTimeout(this.timer);
		this.pending = undefined;
		this.emit(pending.run?.id, { output_type: "stream", name: pending.name, text: pending.text });
	}

	/** Takes over what is written to process.stdout and process.stderr (console writes there too). */
	capture(): void {
		for (const name of ["stdout", "stderr"] as const) {
			const decoder = new StringDecoder("utf8");
			const write = (
				chunk: string | Uint8Array,
				encoding?: BufferEncoding | ((error?: Error) => void),
				callback?: (error?: Error) => void,
			): boolean => {
				this.write(
					name,
					typeof chunk === "string"
						? typeof encoding === "string" && !/^utf-?8$/i.test(encoding)
							? Buffer.from(chunk, encoding).toString("utf8")
							: chunk
						: decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)),
				);
				const done = typeof encoding === "function" ? encoding : callback;
				if (done !== undefined) process.nextTick(done);
				return true;
			};
			process[name].write = write as typeof process.stdout.write;
		}
	}
}

/** What of the text the cell may still print; says once that the rest is cut. */
function limited(run: CellRun, text: string): string {
	const left = maxStreamLength - run.printed;
	if (left < 0) return "";
	run.printed += text.length;
	if (text.length <= left) return text;
	run.printed = maxStreamLength + 1;
	return `${text.slice(0, left)}\n[output cut: a cell prints at most ${maxStreamLength.toLocaleString("en")} characters]\n`;
}
