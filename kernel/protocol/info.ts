import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ownRoot } from "../session/paths.ts";

/** 5.4: what follows (5.5: a welcome on iopub; 5.6: registration) would have to be announced by the launcher. */
export const protocolVersion = "5.4";

/** Content of kernel_info_reply. */
export function kernelInfo(): Record<string, unknown> {
	const own = JSON.parse(readFileSync(join(ownRoot(), "package.json"), "utf8")) as { version: string };
	return {
		status: "ok",
		protocol_version: protocolVersion,
		implementation: "powerki",
		implementation_version: own.version,
		language_info: {
			name: "typescript",
			// The compiler of cells: tslab's fork.
			version: "5.0.4",
			mimetype: "text/typescript",
			file_extension: ".ts",
			pygments_lexer: "typescript",
			codemirror_mode: { name: "javascript", typescript: true },
			nbconvert_exporter: "script",
		},
		banner: `powerki ${own.version}: TypeScript and %%sql cells on kernel traces of OpenPOWER servers`,
		help_links: [{ text: "LinuxKI", url: "https://github.com/HewlettPackard/LinuxKI" }],
		debugger: false,
	};
}
