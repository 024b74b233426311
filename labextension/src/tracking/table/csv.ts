import type { RunRow } from '../../api';
import { textOf } from './cells';
import { RUN_ID, split } from './spec';

/** Runs as lines of a CSV file (RFC 4180), the first with the columns' keys. */
export function csv(runs: ReadonlyArray<RunRow>, columns: ReadonlyArray<string>): string {
  const keys = [RUN_ID, ...columns.filter(key => key !== RUN_ID)];
  const lines = [keys.map(key => field(key, false)).join(',')];
  for (const run of runs) {
    lines.push(keys.map(key => field(textOf(run, key), split(key)[0] === 'metrics')).join(','));
  }
  return lines.join('\r\n') + '\r\n';
}

/** A spreadsheet takes what begins like a formula for one, whoever wrote it: an apostrophe keeps it a text. */
function field(text: string, number: boolean): string {
  const harmless = number || text === '' || !/^[=+\-@\t\r]/.test(text) || Number.isFinite(Number(text));
  const safe = harmless ? text : `'${text}`;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Have the browser keep a text as a file. */
export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob(['\ufeff', text], { type: 'text/csv;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
