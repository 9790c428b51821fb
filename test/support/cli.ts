/** Runs the built command line as a user does. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { repository } from "./traces.ts";

export const program = join(repository, "dist", "powerki.js");

export interface Run {
	/** Exit code; null where a signal ended it. */
	readonly code: number | null;
	readonly signal: NodeJS.Signals | null;
	readonly stdout: string;
	readonly stderr: string;
}

export interface RunOptions {
	/** After so many ms `signal` (default SIGKILL) is sent. */
	readonly killAfter?: number;
	readonly killSignal?: NodeJS.Signals;
	/** A run longer than this many ms is killed and reported as a hang. Default 120 s. */
	readonly timeout?: number;
	readonly cwd?: string;
	readonly env?: NodeJS.ProcessEnv;
	/** Command that runs node, such as a shell with limits: `[...prefix, node, program, ...args]`. */
	readonly prefix?: readonly string[];
}

export function powerki(args: readonly string[], options: RunOptions = {}): Promise<Run> {
	if (!existsSync(program)) throw new Error("dist/powerki.js is missing: npm run build");
	const command = [...(options.prefix ?? []), process.execPath, program, ...args];
	return new Promise((resolve, reject) => {
		const child = spawn(command[0]!, command.slice(1), {
			cwd: options.cwd,
			env: options.env ?? process.env,
			stdio: ["ignore", "pipe", "pipe"],
		});
		let stdout = "";
		let stderr = "";
		child.stdout.setEncoding("utf8").on("data", (text) => {
			stdout += text;
		});
		child.stderr.setEncoding("utf8").on("data", (text) => {
			stderr += text;
		});
		const limit = options.timeout ?? 120_000;
		const hang = setTimeout(() => {
			child.kill("SIGKILL");
			reject(new Error(`powerki ${args.join(" ")} had not ended after ${limit} ms`));
		}, limit);
		const kill =
			options.killAfter === undefined
				? undefined
				: setTimeout(() => child.kill(options.killSignal ?? "SIGKILL"), options.killAfter);
		child.on("error", reject);
		child.on("close", (code, signal) => {
			clearTimeout(hang);
			clearTimeout(kill);
			resolve({ code, signal, stdout, stderr });
		});
	});
}
