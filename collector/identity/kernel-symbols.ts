/** The symbol table of a trace's kernel, from all that has one; says what is doubtful about it. */
import type { Note } from "../decode/source.ts";
import type { SideFiles } from "../side/index.ts";
import { KernelSymbols } from "./kallsyms.ts";

/** The trace's own table, as /proc/kallsyms has it (empty where it has none), completed by that of the side files. */
export function kernelSymbolsOf(
	text: Buffer,
	side: SideFiles,
	note: (n: Omit<Note, "source">) => void,
): KernelSymbols {
	const own = KernelSymbols.parse(text);
	const symbols = KernelSymbols.merge(side.symbols ? [own, side.symbols] : [own]);
	if (symbols.lines === 0 || symbols.hidden)
		note({
			severity: "info",
			kind: "no-symbols",
			text: symbols.hidden
				? "The symbol table has no addresses (kptr_restrict); give one with --side FILE"
				: "The trace has no kernel symbols; give kallsyms with --side FILE to name kernel addresses",
		});
	else if (!symbols.fitsModules(side.modules))
		note({
			severity: "warning",
			kind: "symbols-of-another-boot",
			text: "The symbol table's modules lie elsewhere than the side file modules says: it is of another boot, names of module functions may be wrong",
		});
	return symbols;
}
