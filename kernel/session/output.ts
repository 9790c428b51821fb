import { AsyncLocalStorage } from "node:async_hooks";
import { StringDecoder } from "node:string_decoder";
import { maxStreamLength } from "./limits.ts";
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
 * from a timer that fires while another cell runs.
 */
export class Outputs {
	readonly cell = new AsyncLocalStorage<CellRun>();

	constructor(private readonly emit: (id: number | undefined, output: Output) => void) {}

	send(output: Output): void {
		const run = this.cell.getStore();
		if (!run?.silent) this.emit(run?.id, output);
	}

	write(name: StreamName, written: string): void {
		const run = this.cell.getStore();
		const text = run === undefined ? written : limited(run, written);
		if (text !== "") this.send({ output_type: "stream", name, text });
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
