/** Checks of a script: each prints a line; the last line counts them, as .ci/run reads it. */
export class Checks {
	private passed = 0;
	private failed = 0;

	constructor(private readonly name: string) {}

	check(what: string, holds: boolean, found?: unknown): void {
		if (holds) this.passed++;
		else this.failed++;
		const detail =
			holds || found === undefined ? "" : `: ${typeof found === "string" ? found : JSON.stringify(found)}`;
		console.log(`${holds ? "ok    " : "FAILED"} ${what}${detail}`);
	}

	/** What stops a script is a failed check. */
	async run(work: () => Promise<void>): Promise<void> {
		try {
			await work();
		} catch (error) {
			this.check(`runs to its end (${error instanceof Error ? error.stack : String(error)})`, false);
		}
		console.log(`${this.name}: ${this.passed} passed, ${this.failed} failed`);
		process.exitCode = this.failed === 0 && this.passed > 0 ? 0 : 1;
	}
}
