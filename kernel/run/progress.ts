/** One line on a terminal: which cell runs. Nothing elsewhere. */
export class RunProgress {
	private shown = false;

	constructor(
		private readonly out: NodeJS.WriteStream,
		private readonly name: string,
	) {}

	show(number: number, of: number): void {
		if (this.out.isTTY !== true || process.env.TERM === "dumb") return;
		this.shown = true;
		this.out.write(
			`\r\x1b[Krunning  ${this.name}  cell ${number} of ${of}`.slice(0, (this.out.columns ?? 80) + 3),
		);
	}

	clear(): void {
		if (this.shown) this.out.write("\r\x1b[K");
		this.shown = false;
	}
}
