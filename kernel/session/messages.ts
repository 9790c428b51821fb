/** What protocol process (or runner) and session process say to each other over the IPC channel. */

/** An output as Jupyter has it: the first four kinds are those of nbformat 4, the others change them. */
export type Output =
	| { output_type: "stream"; name: "stdout" | "stderr"; text: string }
	| {
			output_type: "display_data" | "update_display_data";
			data: Record<string, unknown>;
			metadata: Record<string, unknown>;
			/** Not part of a saved notebook. */
			transient?: { display_id?: string };
	  }
	| { output_type: "execute_result"; data: Record<string, unknown>; metadata: Record<string, unknown> }
	| ({ output_type: "error" } & CellError)
	| { output_type: "clear_output"; wait: boolean };

/** An error as Jupyter has it: name, one line, and the lines to show. */
export interface CellError {
	ename: string;
	evalue: string;
	traceback: string[];
}

export interface CompleteReply {
	/** Names to choose from, best first. */
	matches: string[];
	/** UTF-16 offsets of the text that a match replaces. */
	start: number;
	end: number;
	/** For each match: what kind of thing it is, and one line about it. */
	types: { text: string; type: string; signature?: string }[];
}

export interface InspectReply {
	found: boolean;
	/** MIME type to text; text/plain is always there when found. */
	data: Record<string, string>;
}

export type IsCompleteReply = { status: "complete" | "invalid" } | { status: "incomplete"; indent: string };

/** One user expression: its value as a bundle, or why it has none. */
export type Evaluated =
	| { status: "ok"; data: Record<string, unknown>; metadata: Record<string, unknown> }
	| ({ status: "error" } & CellError);

export type Request =
	| { type: "execute"; id: number; code: string; count: number; silent: boolean }
	| { type: "evaluate"; id: number; expressions: Record<string, string> }
	| { type: "complete"; id: number; code: string; position: number }
	| { type: "inspect"; id: number; code: string; position: number }
	| { type: "isComplete"; id: number; code: string };

/** Not answered but by a report that the session heard it: its event loop is free, no signal is needed. */
export type Interrupt = { type: "interrupt" };

/** What comes back for each type of request. */
export interface Replies {
	execute: { error?: CellError };
	evaluate: Record<string, Evaluated>;
	complete: CompleteReply;
	inspect: InspectReply;
	isComplete: IsCompleteReply;
}

export type Report =
	| { type: "ready" }
	/** An interrupt was heard, the running cell ends. */
	| { type: "interrupted" }
	/** `id` is the execute request whose code made the output; undefined if none did. */
	| { type: "output"; id: number | undefined; output: Output }
	| { type: "reply"; id: number; value: Replies[keyof Replies] };
