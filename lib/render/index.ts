/** Reports and results for readers: terminal, notebook, page, programs. */
export { type PageCell, renderPage } from "./html.ts";
export { renderReport, renderSql } from "./notebook.ts";
export { reportCsv, reportJson, reportsJson } from "./report-json.ts";
export { resultTable } from "./table.ts";
export { reportText, type TextOptions } from "./terminal.ts";
