/** Programs that powerki runs for JupyterLab, each in a process group of its own: stopping one leaves nothing behind. */
import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { Interrupted } from "../../lib/schema/errors.ts";

export interface Finished {
	/** Exit code; null where a signal ended it or it could not be started. */
	readonly code: number | null;
	readonly stdout: string;
	readonly stderr: string;
}

/**
 * Runs a program to its end and gives what it printed. Never rejects for what the program does.
 * @throws Interrupted when the signal stops it, after its whole group has ended
 */
export function run(
	command: string,
	args: readonly string[],
	options: {
		readonly signal?: AbortSignal;
		readonly env?: NodeJS.ProcessEnv;
		readonly timeout?: number;
	} = {},
): Promise<Finished> {
	return new Promise((resolve, reject) => {
		if (options.signal?.aborted) return reject(new Interrupted());
		const child = spawn(command, args, {
			detached: true,
			env: options.env ?? process.env,
			stdio: ["ignore", "pipe", "pipe"],
		});
		let stdout = "";
		let stderr = "";
		child.stdout.setEncoding("utf8").on("data", (text: string) => {
			stdout += text;
		});
		child.stderr.setEncoding("utf8").on("data", (text: string) => {
			stderr += text;
		});
		const stop = () => killGroup(child.pid, "SIGKILL");
		const timer = options.timeout === undefined ? undefined : setTimeout(stop, options.timeout);
		options.signal?.addEventListener("abort", stop, { once: true });
		const end = (result: Finished) => {
			clearTimeout(timer);
			options.signal?.removeEventListener("abort", stop);
			if (options.signal?.aborted) reject(new Interrupted());
			else resolve(result);
		};
		child.on("error", (error) => end({ code: null, stdout, stderr: error.message }));
		child.on("close", (code) => end({ code, stdout, stderr }));
	});
}

/** Signals a process and all that it started in its group. Gone already: nothing. */
export function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
	if (pid === undefined) return;
	try {
		process.kill(-pid, signal);
	} catch {
		// no such group any more
	}
}

/** Absolute path of a program: in the folders given, else of PATH. */
export function findProgram(name: string, folders?: readonly string[]): string | undefined {
	for (const folder of folders ?? (process.env.PATH ?? "").split(delimiter)) {
		if (folder === "") continue;
		const path = join(folder, name);
		try {
			accessSync(path, constants.X_OK);
			if (statSync(path).isFile()) return path;
		} catch {
			// not here
		}
	}
	return undefined;
}
