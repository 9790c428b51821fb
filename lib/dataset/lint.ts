/**
 * Lint for the SQL of views: the subset in which DuckDB and Trino give the same answer. Each rule is a difference
 * that was measured between the two engines.
 */

export interface LintProblem {
	readonly line: number;
	readonly rule: string;
	readonly text: string;
}

interface Token {
	readonly kind: "word" | "number" | "string" | "quoted" | "operator";
	readonly text: string;
	/** Lower case for words. */
	readonly word: string;
	readonly line: number;
	/** Number of open parentheses before it. */
	readonly depth: number;
}

/** Functions that both engines have with one meaning (where needed under macros of Trino's names). */
const sharedFunctions = new Set(
	`abs array_agg array_join array_sort avg bool_and bool_or cardinality cast ceil coalesce concat_ws contains count
	count_if dense_rank element_at first_value flatten floor lag last_value lead length ln log10 log2 lower ltrim max
	max_by min min_by mod ntile nullif power rank replace round row_number rtrim split split_part sqrt starts_with
	stddev_samp strpos substr sum trim try_cast unnest upper`.split(/\s+/),
);

/** Words that may stand before a parenthesis without being a function. */
const keywords = new Set(
	`all and any as between by case cross distinct else end except exists filter from group having in intersect is join
	left like not on or order over partition right select then union using values when where with`.split(/\s+/),
);

/** Words that only one engine knows, or that mean different things. */
const forbiddenWords: Readonly<Record<string, string>> = {
	qualify: "QUALIFY is DuckDB's alone: filter in an outer SELECT",
	asof: "ASOF JOIN is DuckDB's alone",
	exclude: "SELECT * EXCLUDE is DuckDB's alone",
	ilike: "ILIKE is DuckDB's alone: LIKE over lower()",
	rollup: "ROLLUP takes only columns in Trino: UNION ALL of two SELECTs",
	recursive: "Trino stops recursion at depth 10",
	ignore: "IGNORE NULLS is written in different places by the two engines",
	pivot: "PIVOT is DuckDB's alone",
	sample: "samples are not repeatable",
	interval: "intervals differ: arithmetic in ns",
	timestamp: "timestamps differ: ns in BIGINT",
	greatest: "greatest() skips NULL in DuckDB and not in Trino: CASE",
	least: "least() skips NULL in DuckDB and not in Trino: CASE",
	concat: "concat() skips NULL in DuckDB and not in Trino: || or concat_ws",
	hugeint: "Trino has no HUGEINT: DECIMAL(38, 0)",
	text: "VARCHAR is the name in both",
};

const forbiddenOperators: Readonly<Record<string, string>> = {
	"::": "x::type is DuckDB's alone: CAST(x AS type)",
	"&": "& is DuckDB's alone",
	"|": "| is DuckDB's alone",
	"<<": "<< is DuckDB's alone",
	">>": ">> is DuckDB's alone",
	"==": "== is DuckDB's alone: =",
	"->": "lambdas are written in different ways",
	"[": "a[i] beyond the end is an error in Trino and NULL in DuckDB: element_at(a, i)",
	";": "Trino refuses a final semicolon",
	"//": "// is DuckDB's alone",
	"**": "** is DuckDB's alone",
	"^": "^ is DuckDB's alone: power()",
};

const pattern =
	/\s+|--[^\n]*|\/\*[\s\S]*?\*\/|('(?:[^']|'')*')|("(?:[^"]|"")*")|(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(::|<<|>>|<=|>=|<>|!=|==|\|\||->|\/\/|\*\*|[^\s])/gy;

function tokenize(sql: string): Token[] {
	const tokens: Token[] = [];
	let line = 1;
	let depth = 0;
	for (const m of sql.matchAll(pattern)) {
		const [text, string, quoted, number, word, operator] = m;
		if (operator === ")") depth--;
		const kind =
			string !== undefined
				? "string"
				: quoted !== undefined
					? "quoted"
					: number !== undefined
						? "number"
						: word !== undefined
							? "word"
							: operator !== undefined
								? "operator"
								: null;
		if (kind !== null)
			tokens.push({ kind, text, word: kind === "word" ? text.toLowerCase() : text, line, depth });
		if (operator === "(") depth++;
		line += text.split("\n").length - 1;
	}
	return tokens;
}

/** Problems of a view's SELECT, in order of lines; none if both engines will agree on it. */
export function lintSql(sql: string): LintProblem[] {
	const tokens = tokenize(sql);
	const problems: LintProblem[] = [];
	const report = (token: Token, rule: string, text: string) =>
		problems.push({ line: token.line, rule, text });
	tokens.forEach((t, i) => {
		const next = tokens[i + 1];
		const before = tokens[i - 1];
		if (t.kind === "operator" && t.text in forbiddenOperators)
			report(t, "operator", forbiddenOperators[t.text]);
		if (t.text === "/" && t.kind === "operator" && !isDouble(tokens, i - 1))
			report(
				t,
				"division",
				"integers divide to a fraction in DuckDB and to an integer in Trino: CAST(a AS DOUBLE) / b",
			);
		if (t.kind !== "word") return;
		const called = next?.text === "(" && before?.text !== ".";
		if (t.word in forbiddenWords && (before?.text !== "." || called)) {
			report(t, "word", forbiddenWords[t.word]);
			return;
		}
		if (called && !sharedFunctions.has(t.word) && !keywords.has(t.word) && !isName(tokens, i))
			report(t, "function", `${t.word}() is not among the functions that both engines have alike`);
		if (t.word === "offset" && tokens.slice(0, i).some((x) => x.word === "limit" && x.depth === t.depth))
			report(t, "limit", "LIMIT n OFFSET m is DuckDB's order: OFFSET m LIMIT n");
		if ((t.word === "sum" || t.word === "avg") && called && isStamp(tokens, i + 2))
			report(t, "sum", "a sum of points in time overflows in Trino: sum differences");
		if (t.word === "over" && called) lintWindow(tokens, i, report);
		if (t.word === "group" && next?.word === "by") lintGroup(tokens, i, report);
		if (t.word === "from" && (before === undefined || before.text === "("))
			report(t, "from", "FROM first is DuckDB's alone");
		if (t.word === "unnest" && before?.word !== "join")
			report(t, "unnest", "UNNEST only as CROSS JOIN UNNEST(…)");
		if (t.word === "date" && next?.text === "=" && tokens[i + 2]?.kind === "string")
			report(t, "date", "a date is compared with DATE '…'");
	});
	return problems.sort((a, b) => a.line - b.line);
}

type Report = (token: Token, rule: string, text: string) => void;

/** Left operand of a division: CAST(… AS DOUBLE) or a literal with exponent. */
function isDouble(tokens: readonly Token[], end: number): boolean {
	const last = tokens[end];
	if (last?.kind === "number") return /[eE]/.test(last.text);
	return last?.text === ")" && tokens[end - 1]?.word === "double";
}

/** Name of a table with a column list: `AS t(a, b)`, `WITH t(a, b) AS`. */
function isName(tokens: readonly Token[], i: number): boolean {
	const before = tokens[i - 1];
	return (
		before?.word === "as" || before?.word === "with" || (before?.text === ")" && tokens[i].word !== "over")
	);
}

function isStamp(tokens: readonly Token[], i: number): boolean {
	const name = tokens[i + 1]?.text === "." ? i + 2 : i;
	return /^(ts|\w+_ts)$/.test(tokens[name]?.word ?? "") && tokens[name + 1]?.text === ")";
}

/** Tokens inside the parenthesis that opens at `open`. */
function inside(tokens: readonly Token[], open: number): Token[] {
	const depth = tokens[open].depth;
	const end = tokens.findIndex((t, k) => k > open && t.text === ")" && t.depth === depth);
	return tokens.slice(open + 1, end);
}

function lintWindow(tokens: readonly Token[], over: number, report: Report): void {
	const body = inside(tokens, over + 1);
	const depth = tokens[over].depth + 1;
	const order = body.findIndex((t) => t.word === "order" && t.depth === depth);
	if (order < 0) return;
	const frame = body.findIndex(
		(t, k) => k > order && (t.word === "rows" || t.word === "range") && t.depth === depth,
	);
	const keys = body
		.slice(order, frame < 0 ? body.length : frame)
		.filter((t) => t.text === "," && t.depth === depth).length;
	if (keys === 0)
		report(
			tokens[over],
			"window",
			"a window needs a total order: equal keys pair differently in the two engines (add a tie-break)",
		);
}

function lintGroup(tokens: readonly Token[], group: number, report: Report): void {
	const depth = tokens[group].depth;
	if (tokens[group + 2]?.word === "all") {
		report(tokens[group], "group", "GROUP BY ALL is DuckDB's alone");
		return;
	}
	// The SELECT list of the same level: names that are made there, and not taken as they are.
	let select = group;
	while (select >= 0 && !(tokens[select].word === "select" && tokens[select].depth === depth)) select--;
	const made = new Set<string>();
	for (let k = select + 1; k < group; k++) {
		if (tokens[k].depth !== depth) continue;
		if (tokens[k].word === "from") break;
		if (tokens[k].word === "as" && tokens[k - 1].word !== tokens[k + 1].word) made.add(tokens[k + 1].word);
	}
	for (let k = group + 2; k < tokens.length && tokens[k].depth >= depth; k++) {
		if (tokens[k].depth !== depth) continue;
		if (/^(having|order|limit|union|offset)$/.test(tokens[k].word)) break;
		const lone =
			/^(,|by)$/.test(tokens[k - 1].word) && tokens[k + 1]?.text !== "." && tokens[k + 1]?.text !== "(";
		if (lone && made.has(tokens[k].word))
			report(
				tokens[k],
				"group",
				"GROUP BY a name of the SELECT list is DuckDB's alone: repeat the expression",
			);
	}
}
