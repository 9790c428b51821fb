/** How to install a program, in the words of the machine's own distribution. */
import { readFileSync } from "node:fs";

const python: Readonly<Record<string, string>> = {
	debian: "apt install python3 python3-venv",
	fedora: "dnf install python3",
	suse: "zypper install python3",
	arch: "pacman -S python",
	alpine: "apk add python3",
	darwin: "brew install python3",
};

/** /etc/os-release (os-release(5)): ID first, then ID_LIKE, nearest relation first. */
function families(): string[] {
	if (process.platform === "darwin") return ["darwin"];
	try {
		const text = readFileSync("/etc/os-release", "utf8");
		const value = (key: string) => new RegExp(`^${key}="?([^"\n]*)`, "m").exec(text)?.[1] ?? "";
		return `${value("ID")} ${value("ID_LIKE")}`
			.split(/\s+/)
			.map((id) => aliases[id] ?? id)
			.filter((id) => id !== "");
	} catch {
		return [];
	}
}

const aliases: Readonly<Record<string, string>> = {
	ubuntu: "debian",
	rhel: "fedora",
	centos: "fedora",
	opensuse: "suse",
	sles: "suse",
};

/** Commands that install Python 3 with its venv module: the one for this machine, else one for each distribution. */
export function installPython(): string[] {
	const family = families().find((id) => python[id] !== undefined);
	return family === undefined
		? Object.entries(python).map(([name, command]) => `${name.padEnd(8)} ${command}`)
		: [python[family]!];
}
