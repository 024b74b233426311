import type { ReadonlyJSONObject, ReadonlyPartialJSONObject } from '@lumino/coreutils';

/** An argument of a command as text; undefined when it was not given. */
export function textArg(args: ReadonlyPartialJSONObject, name: string): string | undefined {
  const value = args[name];
  return typeof value === 'string' && value ? value : undefined;
}

/** An argument of a command as a number; undefined when it was not given. */
export function numberArg(args: ReadonlyPartialJSONObject, name: string): number | undefined {
  const value = args[name];
  return typeof value === 'number' ? value : undefined;
}

/** How a command describes its arguments. */
export function describe(
  properties: Readonly<Record<string, string>>,
  required: ReadonlyArray<string> = []
): { args: ReadonlyJSONObject } {
  const described = Object.entries(properties).map(([name, text]) => {
    const [type, ...words] = text.split(': ');
    return [name, { type, description: words.join(': ') }] as const;
  });
  return { args: { type: 'object', properties: Object.fromEntries(described), required: [...required] } };
}
