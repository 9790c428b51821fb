/** `npm start` as a user runs it. */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { repository } from "../support/traces.ts";

export interface Started {
	/** Address of the first notebook, with its token. */
	readonly url: string;
	/** What it said on stderr so far. */
	said(): string;
	/** All processes below npm, kernels too. */
	processes(): number[];
	/** Ctrl-C: the signal goes to the terminal's whole group. Resolves when npm has ended. */
	interrupt(): Promise<number | null>;
	kill(): void;
}

/** @param patience ms until the address must be there: the first start makes JupyterLab's environment */
export async function npmStart(
	args: readonly string[],
	env: NodeJS.ProcessEnv,
	patience = 300_000,
): Promise<Started> {
	const child = spawn("npm", ["start", "--", "--no-browser", ...args], {
		cwd: repository,
		env,
		detached: true,
		stdio: ["ignore", "pipe", "pipe"],
	});
	let said = "";
	child.stderr.setEncoding("utf8").on("data", (text: string) => {
		said += text;
	});
	const exit = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
	const url = await new Promise<string>((resolve, reject) => {
		let stdout = "";
		const timer = setTimeout(() => reject(new Error(`npm start gives no address: ${said}`)), patience);
		child.stdout.setEncoding("utf8").on("data", (text: string) => {
			stdout += text;
			const address = /^(http:\S+token=\S+)$/m.exec(stdout)?.[1];
			if (address === undefined) return;
			clearTimeout(timer);
			resolve(address);
		});
		void exit.then((code) => {
			clearTimeout(timer);
			reject(new Error(`npm start ended with ${code}: ${said}`));
		});
	});
	return {
		url,
		said: () => said,
		processes: () => below(child),
		interrupt: () => {
			signal(child, "SIGINT");
			return exit;
		},
		kill: () => signal(child, "SIGKILL"),
	};
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
	try {
		process.kill(-child.pid!, name);
	} catch {
		// gone already
	}
}

/** Descendants by /proc (proc(5), stat, field 4). */
function below(child: ChildProcess): number[] {
	const parents = new Map<number, number>();
	for (const name of readdirSync("/proc")) {
		if (!/^\d+$/.test(name)) continue;
		try {
			const stat = readFileSync(`/proc/${name}/stat`, "utf8");
			parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
		} catch {
			// ended meanwhile
		}
	}
	const found = [child.pid!];
	for (const pid of found) for (const [one, parent] of parents) if (parent === pid) found.push(one);
	return found;
}

export function alive(pid: number): boolean {
	try {
		// A zombie has ended.
		return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
	} catch {
		return false;
	}
}
