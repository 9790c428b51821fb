/** Declarations of what every cell has without an import: one virtual file of the session's compiler. */
export const globalTypes = `
/** What \`display\` returns: shows another value in the same place. */
interface DisplayHandle {
	/** Replaces what is shown. */
	update(value: unknown): void;
}
interface DisplayFunction {
	/**
	 * Shows a value below the cell: a table, figure, report, frame, or anything else as text.
	 * A value can bring its own form: a method under Symbol.for("Jupyter.display") that returns MIME types to content.
	 */
	(value: unknown): DisplayHandle;
	/** Shows several forms of one thing; the reader's program takes the richest that it knows. */
	bundle(data: Record<string, unknown>, metadata?: Record<string, unknown>): DisplayHandle;
	html(html: string): DisplayHandle;
	markdown(markdown: string): DisplayHandle;
	svg(svg: string): DisplayHandle;
	text(text: string): DisplayHandle;
	/** Removes what the cell has shown; with wait, when the next output comes. */
	clear(wait?: boolean): void;
}
declare const display: DisplayFunction;
`;
