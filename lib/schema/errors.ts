/** Exit codes of the command line: a contract (powerki --help lists them). */
export const exitCode = {
	done: 0,
	bug: 1,
	usage: 2,
	unreadable: 3,
	damaged: 4,
	environment: 5,
	cellFailed: 6,
	engine: 7,
	finding: 8,
	interrupted: 130,
} as const;
export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/**
 * An error that a user can act on. `message` is the first line: what happened and where, lower case, at most
 * 100 columns, without "error:"; `details` are the lines below it: the state now and what to do.
 */
export class PowerkiError extends Error {
	constructor(
		readonly code: ExitCode,
		message: string,
		readonly details: readonly string[] = [],
		options?: ErrorOptions,
	) {
		super(message, options);
		this.name = "PowerkiError";
	}
}

/** The user stopped it (Ctrl-C, or a signal). `details` says what state is left. */
export class Interrupted extends PowerkiError {
	constructor(details: readonly string[] = []) {
		super(exitCode.interrupted, "stopped", details);
		this.name = "Interrupted";
	}
}
