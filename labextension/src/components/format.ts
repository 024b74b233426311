const locale = (): string => (document.documentElement.lang || navigator.language || 'en').replace('_', '-');

/** A count or size with the language's separators: 12,345. */
export function formatNumber(value: number): string {
  return new Intl.NumberFormat(locale()).format(value);
}

/** A measured value in as many digits as tell something: 0.9412, 1.2e-7, 12,345.7, NaN. */
export function formatMetric(value: number | string): string {
  if (typeof value === 'string') {
    return value;
  }
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) {
    return formatNumber(value);
  }
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) {
    return value.toExponential(2);
  }
  return new Intl.NumberFormat(locale(), {
    maximumSignificantDigits: size >= 1e4 ? 6 : 4
  }).format(value);
}

const decimal = new Map<number, Intl.NumberFormat>();

/** A number with so many decimals: 0.9100. Kept for each, since tables ask for every cell. */
export function formatDecimals(value: number, decimals: number): string {
  let format = decimal.get(decimals);
  if (!format) {
    format = new Intl.NumberFormat(locale(), {
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals
    });
    decimal.set(decimals, format);
  }
  return format.format(value);
}

/** Bytes in the unit that fits: 812 B, 1.3 MB. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : 1;
  return `${new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value)} ${units[unit]}`;
}

/** Milliseconds as people say them: 320 ms, 4.2 s, 3 min 20 s, 2 h 5 min. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 999.5) {
    return `${Math.round(milliseconds)} ms`;
  }
  const seconds = milliseconds / 1000;
  if (seconds < 59.95) {
    return `${seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  }
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) {
    return whole % 60 ? `${minutes} min ${whole % 60} s` : `${minutes} min`;
  }
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.floor(minutes / 60)} h`;
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60]
];

/** How long ago a time is: now, 2 min. ago, yesterday. */
export function formatRelative(iso: string, now: number = Date.now()): string {
  const seconds = (Date.parse(iso) - now) / 1000;
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: 'auto', style: 'short' });
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) {
      return format.format(Math.round(seconds / length), unit);
    }
  }
  return format.format(0, 'second');
}

/** A time in full, in the reader's zone. */
export function formatTime(iso: string): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'medium' }).format(
    new Date(iso)
  );
}

/** A day, in the reader's zone. */
export function formatDate(iso: string): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium' }).format(new Date(iso));
}
