/** One line on a terminal, redrawn at most ten times a second: bytes, events, time left. Nothing elsewhere. */
const BAR = 24;

export class Progress {
	readonly #terminal: boolean;
	#start = performance.now();
	#last = 0;
	#path = "";
	#shown = false;

	constructor(readonly out: NodeJS.WriteStream) {
		this.#terminal = out.isTTY === true && process.env.TERM !== "dumb";
	}

	show(p: {
		readonly path: string;
		readonly bytes: number;
		readonly totalBytes: number;
		readonly events: number;
	}): void {
		const now = performance.now();
		if (p.path !== this.#path) {
			this.#path = p.path;
			this.#start = now;
		}
		if (!this.#terminal || now - this.#last < 100) return;
		this.#last = now;
		const share = Math.min(1, p.bytes / Math.max(1, p.totalBytes));
		const left = share > 0.02 ? ((now - this.#start) / 1000 / share) * (1 - share) : Number.NaN;
		const bar = "━".repeat(Math.round(share * BAR)).padEnd(BAR, "─");
		const text = `reading  ${p.path.split("/").at(-1)}  ${bar} ${Math.round(share * 100)} %  ${(p.bytes / 1e6).toFixed(1)} of ${(p.totalBytes / 1e6).toFixed(1)} MB  ${p.events} events${Number.isNaN(left) ? "" : `  ${left.toFixed(1)} s left`}`;
		this.out.write(`\r\x1b[K${text.slice(0, (this.out.columns ?? 80) - 1)}`);
		this.#shown = true;
	}

	clear(): void {
		if (this.#shown) this.out.write("\r\x1b[K");
		this.#shown = false;
	}
}
