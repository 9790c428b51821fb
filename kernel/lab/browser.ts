import { spawn } from "node:child_process";
import { findProgram } from "./process.ts";

/** The program that opens an address in the user's browser; undefined where there is no screen for one. */
export function browserOpener(env: NodeJS.ProcessEnv = process.env): string | undefined {
	if (process.platform === "darwin") return findProgram("open");
	if (!env.DISPLAY && !env.WAYLAND_DISPLAY) return undefined;
	return findProgram("xdg-open");
}

/** Opens the address and does not wait. */
export function openBrowser(opener: string, url: string): void {
	const child = spawn(opener, [url], { detached: true, stdio: "ignore" });
	child.on("error", () => {});
	child.unref();
}
