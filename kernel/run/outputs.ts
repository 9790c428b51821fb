import type { Output } from "../session/messages.ts";
import type { SavedOutput } from "./notebook.ts";

interface Shown {
	output: SavedOutput;
	/** By which a later output may replace it; not saved. */
	readonly displayId: string | undefined;
}

/** The outputs of all cells as a frontend would hold them after the run: joined, updated, cleared. */
export class OutputRecord {
	private readonly cells = new Map<number, { shown: Shown[]; clearNext: boolean }>();

	/** @param cell any number that stands for the cell; it has outputs from now on, if none */
	add(cell: number, output: Output, executionCount: number | null): void {
		const own = this.cells.get(cell) ?? { shown: [], clearNext: false };
		this.cells.set(cell, own);
		if (output.output_type === "update_display_data") {
			const id = output.transient?.display_id;
			// A display may have been shown by several cells.
			for (const { shown } of this.cells.values())
				for (const each of shown)
					if (each.displayId === id && each.displayId !== undefined)
						each.output = { ...each.output, data: output.data, metadata: output.metadata } as SavedOutput;
			return;
		}
		if (output.output_type === "clear_output") {
			if (output.wait) own.clearNext = true;
			else own.shown = [];
			return;
		}
		if (own.clearNext) own.shown = [];
		own.clearNext = false;
		const last = own.shown.at(-1)?.output;
		if (output.output_type === "stream" && last?.output_type === "stream" && last.name === output.name) {
			own.shown[own.shown.length - 1] = {
				output: { ...last, text: last.text + output.text },
				displayId: undefined,
			};
			return;
		}
		own.shown.push({ output: saved(output, executionCount), displayId: displayId(output) });
	}

	of(cell: number): SavedOutput[] {
		return (this.cells.get(cell)?.shown ?? []).map((s) => s.output);
	}
}

function displayId(output: Output): string | undefined {
	return output.output_type === "display_data" ? output.transient?.display_id : undefined;
}

function saved(
	output: Exclude<Output, { output_type: "clear_output" }>,
	execution_count: number | null,
): SavedOutput {
	switch (output.output_type) {
		case "display_data":
		case "update_display_data":
			return { output_type: "display_data", data: output.data, metadata: output.metadata };
		case "execute_result":
			return {
				output_type: "execute_result",
				data: output.data,
				metadata: output.metadata,
				execution_count,
			};
		default:
			return output;
	}
}
